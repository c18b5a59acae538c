import type { GossipSub } from '@libp2p/gossipsub';
import { assert } from '../../base/errors.ts';

/** A gossip message as it is on the wire. */
export interface RawMessage {
  readonly topic: string;
  readonly data?: Uint8Array;
}

interface Rpc {
  readonly subscriptions?: readonly unknown[];
  messages?: RawMessage[];
}

/**
 * The parts of gossipsub 17.1 that have no public door. Their presence is asserted when a host starts, and the contract
 * suite shows that they still do what is said here, so an update cannot lose them silently.
 */
interface Inside {
  /** Every message and control message to one neighbour; false when it was not sent. */
  sendRpc(peer: string, rpc: Rpc): boolean;
  /** Everything a neighbour sends, decoded. */
  handleReceivedRpc(from: { toString(): string }, rpc: Rpc): Promise<void>;
  readonly streamsOutbound: ReadonlyMap<
    string,
    { readonly rawStream: { readonly writeBufferLength: number } }
  >;
}

/** What a tap decides. `pass` may be called later, or never. */
export interface Tap {
  /** `bytes`: of the messages in it. Subscriptions are not asked about. */
  outgoing(peer: string, bytes: number, pass: () => void): void;
  /** Each message by itself, before gossipsub remembers having seen it. */
  incoming(peer: string, message: RawMessage, pass: () => void): void;
}

/** Puts a tap into both directions of a gossipsub; returns how many bytes wait for its slowest neighbour. */
export function tapGossip(service: GossipSub, tap: Tap): () => number {
  const inside = service as unknown as Inside;
  assert(typeof inside.sendRpc === 'function', 'gossipsub sends through sendRpc');
  assert(typeof inside.handleReceivedRpc === 'function', 'gossipsub reads in handleReceivedRpc');
  assert(inside.streamsOutbound instanceof Map, 'gossipsub keeps streamsOutbound');
  const send = inside.sendRpc.bind(service);
  const receive = inside.handleReceivedRpc.bind(service);
  inside.sendRpc = (peer, rpc) => {
    if ((rpc.subscriptions?.length ?? 0) > 0) return send(peer, rpc);
    let sent = true;
    const bytes = (rpc.messages ?? []).reduce((sum, m) => sum + (m.data?.length ?? 0), 0);
    tap.outgoing(peer, bytes, () => {
      sent = send(peer, rpc);
    });
    return sent;
  };
  inside.handleReceivedRpc = (from, rpc) => {
    const peer = from.toString();
    const now: RawMessage[] = [];
    let later = false;
    for (const message of rpc.messages ?? []) {
      tap.incoming(peer, message, () => {
        if (later) void receive(from, { subscriptions: [], messages: [message] });
        else now.push(message);
      });
    }
    later = true;
    rpc.messages = now;
    return receive(from, rpc);
  };
  return () => {
    let bytes = 0;
    for (const { rawStream } of inside.streamsOutbound.values()) {
      bytes = Math.max(bytes, rawStream.writeBufferLength);
    }
    return bytes;
  };
}
