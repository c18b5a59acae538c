import type { BftMessageInfo, BftRefusal } from '../../native/index.ts';
import { bftMessageInfo } from '../../native/index.ts';
import type { Frame } from '../../net/index.ts';
import { keyOf } from './cbor.ts';
import type { Peer, Peers } from './peers.ts';
import type { Relay } from './relay.ts';
import type { BlockSync } from './sync.ts';
import { decodeConsensusFrame, decodeStatus } from './wire.ts';

/** A message whose bytes could be read and were not taken before. */
export interface Received {
  readonly message: Uint8Array;
  /** The bytes as a map key. */
  readonly name: string;
  readonly info: BftMessageInfo;
  readonly peer: Peer;
  /** Of a proposal. */
  readonly body: Uint8Array | undefined;
}

export interface InboundDeps {
  readonly peers: Peers;
  readonly relay: Relay;
  readonly sync: BlockSync;
  /** Newest final height. */
  readonly head: () => number;
  readonly self: Uint8Array | undefined;
  readonly received: (received: Received) => void;
  /** A message that names our key as its author. */
  readonly ownSeen: (peer: Peer, message: Uint8Array) => void;
}

/** Sorts what peers send: what is malformed, over or known goes no further (P30, P31). */
export class Inbound {
  readonly #deps: InboundDeps;
  readonly #self: string | undefined;

  constructor(deps: InboundDeps) {
    this.#deps = deps;
    this.#self = deps.self === undefined ? undefined : keyOf(deps.self);
  }

  frame(peer: Peer, { channel, bytes }: Frame): void {
    const { sync } = this.#deps;
    switch (channel) {
      case 'consensus':
        this.#consensus(peer, bytes);
        return;
      case 'status':
        this.#status(peer, bytes);
        return;
      case 'sync':
        sync.request(peer, bytes);
        return;
      case 'answers':
        sync.answer(peer, bytes);
        return;
      default:
        return; // of another protocol
    }
  }

  #status(peer: Peer, bytes: Uint8Array): void {
    const height = decodeStatus(bytes);
    if (height === undefined) {
      this.#malformed(peer, 'status (P32)');
      return;
    }
    peer.head = height;
    this.#deps.sync.consider();
  }

  #consensus(peer: Peer, bytes: Uint8Array): void {
    const frame = decodeConsensusFrame(bytes);
    if (frame === undefined) {
      this.#malformed(peer, 'frame of consensus (P27)');
      return;
    }
    if (frame.kind === 'heard') {
      peer.heard = new Set(frame.keys.map(keyOf));
      return;
    }
    const info = bftMessageInfo(frame.message);
    const isProposal = info?.kind === 'proposal';
    if (info === undefined || isProposal !== (frame.kind === 'proposal')) {
      this.#malformed(peer, 'message of consensus (P5)');
      return;
    }
    const body = frame.kind === 'proposal' ? frame.body : undefined;
    const { message } = frame;
    this.#message({ message, name: keyOf(message), info, peer, body });
  }

  #message(received: Received): void {
    const { relay, head, ownSeen } = this.#deps;
    const { info, name, peer, message } = received;
    const author = info.validator === undefined ? undefined : keyOf(info.validator);
    if (author !== undefined && author === this.#self) {
      if (!relay.knows(info.height, name)) ownSeen(peer, message);
      return;
    }
    if (info.height <= head()) return;
    if (relay.knows(info.height, name)) {
      if (author !== undefined)
        relay.heard(peer, { author, height: info.height, round: info.round });
      // A known proposal may bring the body that another peer got wrong.
      if (received.body === undefined) return;
    }
    this.#deps.received(received);
  }

  #malformed(peer: Peer, what: string): void {
    this.#deps.peers.report(peer, 'malformed', what);
  }
}

/** Whether a refusal is to be held against the peer that sent the message (P31). */
export function isFault(reason: BftRefusal, isLater: boolean): boolean {
  switch (reason) {
    case 'stale':
    case 'ahead':
      return false;
    case 'unknown-validator':
      return !isLater; // the set of a later height may differ
    default:
      return true;
  }
}
