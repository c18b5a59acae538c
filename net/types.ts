import type { PyralogError } from '../base/errors.ts';

/** Names a peer: a libp2p peer id, or a node name in a simulated network. */
export type PeerId = string;

/** `urgent` (votes, heartbeats) overtakes `normal`, which overtakes `bulk` (sync). Within one priority, order holds. */
export type Priority = 'urgent' | 'normal' | 'bulk';

/** What callers of net/ are expected to handle. */
export type NetErrorCode =
  /** The peer is unknown or does not answer; try again later or elsewhere. */
  | 'net/unreachable'
  /** The link or the transport was closed by either side. */
  | 'net/closed'
  /** A frame above {@link FRAME_BYTES_MAX}: split it. */
  | 'net/frame-too-big'
  /** The outgoing queue of a publisher is full; retry. */
  | 'net/overloaded';

export type NetError = PyralogError<NetErrorCode>;

/** One message of a link: 4 MiB holds the largest block part and a quarter of the largest packed batch. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export interface Frame {
  readonly channel: string;
  readonly bytes: Uint8Array;
}

/** One long-lived, ordered, reliable, framed connection to a peer. */
export interface Link {
  readonly peer: PeerId;
  /**
   * Resolves once the frame is in the bounded queue towards the peer: awaiting it is the back-pressure. It says
   * nothing about arrival. Rejects with `net/closed` or `net/frame-too-big`.
   */
  send(channel: string, bytes: Uint8Array, priority: Priority): Promise<void>;
  /** Frames as they arrive; ends when the link closes or `signal` aborts. One reader at a time. */
  receive(signal: AbortSignal): AsyncIterable<Frame>;
  /** Closes both directions. What was queued and not delivered is lost. Idempotent. */
  close(): Promise<void>;
}

/** Opens links to peers and takes theirs. */
export interface Transport {
  readonly self: PeerId;
  /** Rejects with `net/unreachable`, `net/closed`, or the signal's reason. */
  connect(peer: PeerId, signal: AbortSignal): Promise<Link>;
  /** Hands over links that peers opened. Without a handler peers are refused. */
  onLink(handler: (link: Link) => void): void;
  /** Closes every link. Idempotent. */
  close(): Promise<void>;
}

/** What a node thinks of a gossiped message: pass it on; drop it; drop it and hold it against the neighbour. */
export type Verdict = 'accept' | 'ignore' | 'reject';

export interface GossipMessage {
  readonly topic: string;
  readonly bytes: Uint8Array;
  /** The neighbour that handed it over, not its author. */
  readonly from: PeerId;
}

/** Spreads messages to everyone who listens to a topic, each at most once. */
export interface Gossip {
  readonly self: PeerId;
  /** Sends to the neighbours. The publisher does not get its own message. Rejects with `net/overloaded` or `net/closed`. */
  publish(topic: string, bytes: Uint8Array): Promise<void>;
  /**
   * Takes messages of a topic: `validate` judges each and is where it is used. Only accepted messages travel on, so a
   * slow validation delays others and a thrown error counts as `ignore` and goes to the network's `onBug`.
   * Returns the function that ends it. One handler a topic.
   */
  onMessage(
    topic: string,
    validate: (message: GossipMessage) => Verdict | Promise<Verdict>,
  ): () => void;
  /** How many rejected messages this neighbour handed over. */
  faults(peer: PeerId): number;
  close(): Promise<void>;
}
