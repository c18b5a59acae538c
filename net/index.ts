/**
 * How nodes talk: framed links between two peers, and gossip among many.
 *
 * ```ts
 * const link = await transport.connect('node-1', signal);
 * await link.send('raft', bytes, 'urgent');            // waits while the peer is slow
 * for await (const frame of link.receive(signal)) handle(frame);
 *
 * gossip.onMessage('anchors', (m) => (isValid(m.bytes) ? 'accept' : 'reject'));
 * await gossip.publish('anchors', bytes);
 * ```
 *
 * The in-memory implementations keep the same contract (`test/contract/`) on a clock and randomness handed to them.
 */
export {
  createMemoryGossip,
  type MemoryGossipDeps,
  type MemoryGossipOptions,
} from './memory-gossip.ts';
export {
  createMemoryNetwork,
  type MemoryNetwork,
  type MemoryNetworkDeps,
  type MemoryNetworkOptions,
} from './memory-transport.ts';
export {
  FRAME_BYTES_MAX,
  type Frame,
  type Gossip,
  type GossipMessage,
  type Link,
  type NetError,
  type NetErrorCode,
  type PeerId,
  type Priority,
  type Transport,
  type Verdict,
} from './types.ts';
