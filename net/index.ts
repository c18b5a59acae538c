/**
 * How nodes talk: one framed link to every peer, and gossip among all of them.
 *
 * ```ts
 * const network = await createLibp2pNetwork(deps, { seed, hello, listen: ['/ip4/127.0.0.1/tcp/0'] });
 * network.onPeer({
 *   connected: async (link, hello) => {
 *     await link.send('consensus', bytes, 'urgent');          // waits while the peer is slow
 *     for await (const frame of link.receive(signal)) handle(frame);
 *   },
 *   disconnected: (peer) => forget(peer),
 * });
 * network.gossip.onMessage('anchors', (m) => (isValid(m.bytes) ? 'accept' : 'reject'));
 * await network.gossip.publish('anchors', bytes);
 * ```
 *
 * The in-memory network keeps the same contract (`test/contract/`) on a clock and randomness handed to it.
 */
export { type Direction, type FaultState, FaultSwitch } from './faults.ts';
export { type Hello, type NodeRole, PROTOCOL_VERSION } from './hello.ts';
export { createLibp2pNetwork } from './libp2p/create.ts';
export { createMemoryNetworkHub } from './memory/hub.ts';
export type { MemoryHub, MemoryPeerOptions, Weather, WeatherCounts } from './memory/types.ts';
export {
  DEFAULT_LIMITS,
  type Libp2pOptions,
  type NetworkDeps,
  type NetworkLimits,
  type PeerBookStore,
} from './options.ts';
export { peerIdOf } from './peer-id.ts';
export {
  CHANNELS,
  type Channel,
  type Fault,
  FRAME_BYTES_MAX,
  type Frame,
  type Gossip,
  type GossipMessage,
  type Link,
  type NetError,
  type NetErrorCode,
  type NetFigures,
  type Network,
  type PeerId,
  type PeerListener,
  type PeerState,
  type Priority,
  TOPICS,
  type Topic,
  type Validate,
  type Verdict,
} from './types.ts';
