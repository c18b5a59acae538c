import type { PyralogError } from '../base/errors.ts';
import type { FaultSwitch } from './faults.ts';
import type { Hello } from './hello.ts';
import type { Fault, PeerId } from './names.ts';

export type { Fault, PeerId } from './names.ts';

/** `urgent` (votes, heartbeats) overtakes `normal`, which overtakes `bulk` (sync). Within one priority, order holds. */
export type Priority = 'urgent' | 'normal' | 'bulk';

/** What callers of net/ are expected to handle. */
export type NetErrorCode =
  /** The peer is unknown or does not answer; try again later or elsewhere. */
  | 'net/unreachable'
  /** The link or the network was closed by either side. */
  | 'net/closed'
  /** A frame above {@link FRAME_BYTES_MAX}, or a gossip message above its topic's limit: split it. */
  | 'net/too-big'
  /** The outgoing queue of a publisher is full; retry. */
  | 'net/overloaded'
  /** The peer is banned, or one side refused the other's hello; `data.reason` says which. */
  | 'net/refused'
  /** An address that is no multiaddr, or an option that this build cannot fulfil. */
  | 'net/bad-option'
  /** Somebody listens on an address of `listen` already: name another, or end that. */
  | 'net/address-taken';

export type NetError = PyralogError<NetErrorCode>;

/** One message of a link (G3): 4 MiB holds the largest block part and a quarter of the largest packed batch. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/**
 * What runs over a link, and its number on the wire (G3). Number 0 is the link's own: hello, ping, goodbye.
 * `consensus` votes and proposals; `blocks` block parts; `sync` requests and `answers` to them; `status` heads;
 * `cluster` what members of a cluster say to each other.
 */
export const CHANNELS = {
  consensus: 1,
  blocks: 2,
  sync: 3,
  answers: 4,
  status: 5,
  cluster: 6,
} as const;

export type Channel = keyof typeof CHANNELS;

export interface Frame {
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

/** One long-lived, ordered, reliable, framed connection to a peer. */
export interface Link {
  readonly peer: PeerId;
  /**
   * Resolves once the frame is in the bounded queue towards the peer: awaiting it is the back-pressure. It says
   * nothing about arrival. Rejects with `net/closed` or `net/too-big`.
   */
  send(channel: Channel, bytes: Uint8Array, priority: Priority): Promise<void>;
  /** Frames as they arrive; ends when the link closes or `signal` aborts. One reader at a time. */
  receive(signal: AbortSignal): AsyncIterable<Frame>;
  /** Closes both directions. What was queued and not delivered is lost. Idempotent. */
  close(): Promise<void>;
}

/** What a node thinks of a gossiped message: pass it on; drop it; drop it and hold it against the neighbour. */
export type Verdict = 'accept' | 'ignore' | 'reject';

/** The gossip topics and the largest message of each, in bytes before compression (G9). */
export const TOPICS = {
  transactions: 1024 * 1024,
  blocks: FRAME_BYTES_MAX,
  anchors: 64 * 1024,
} as const;

export type Topic = keyof typeof TOPICS;

export interface GossipMessage {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
  /** The neighbour that handed it over, not its author. */
  readonly from: PeerId;
}

/** Judges a message, and is where it is used. */
export type Validate = (message: GossipMessage) => Verdict | Promise<Verdict>;

/** Spreads messages to everyone who listens to a topic, each at most once. */
export interface Gossip {
  readonly self: PeerId;
  /**
   * Sends to the neighbours; with none it is lost, without an error. The publisher does not get its own message.
   * Rejects with `net/overloaded`, `net/too-big` or `net/closed`.
   */
  publish(topic: Topic, bytes: Uint8Array): Promise<void>;
  /**
   * Takes messages of a topic: `validate` judges each and is where it is used. Only accepted messages travel on, so a
   * slow validation delays others and a thrown error counts as `ignore` and goes to the network's `onBug`.
   * Returns the function that ends it. One handler a topic.
   */
  onMessage(topic: Topic, validate: Validate): () => void;
  /** How many rejected messages this neighbour handed over. */
  faults(peer: PeerId): number;
}

/** A peer that is connected and has said hello. */
export interface PeerState {
  readonly id: PeerId;
  /** The multiaddr of the connection; inbound ones show the port that the peer happened to dial from. */
  readonly address: string;
  /** As it was when the link opened; what it claims, not what it proved. */
  readonly hello: Hello;
  /** 0 is spotless; at −100 it is banned (G12). */
  readonly score: number;
  readonly inbound: boolean;
  /** Of the last ping, in milliseconds; undefined before the first answer. */
  readonly rttMs: number | undefined;
  /** Unix milliseconds. */
  readonly since: number;
}

export interface PeerListener {
  connected(link: Link, hello: Hello): void;
  disconnected(peer: PeerId): void;
}

/** A node's place among its peers. Every implementation keeps `test/contract/network.ts`. */
export interface Network {
  readonly self: PeerId;
  readonly gossip: Gossip;
  /** Fault injection, for devnets and tests; does nothing until told to. */
  readonly faults: FaultSwitch;
  /** Where this node listens: multiaddrs with `/p2p/` and its id. */
  addresses(): string[];
  peers(): readonly PeerState[];
  /**
   * Tells of every peer that has said hello, also of those connected already; each has exactly one link at a time
   * (G6). Returns the function that ends it. A link has one reader: whoever reads it shares frames out by channel.
   */
  onPeer(listener: PeerListener): () => void;
  /**
   * Resolves when a link to the peer at `address` (multiaddr with `/p2p/`) is open, at once when there is one already.
   * The address is kept and dialled again when the link is lost. Rejects with `net/unreachable`, `net/refused`,
   * `net/bad-option`, `net/closed`, or the signal's reason.
   */
  dial(address: string, signal: AbortSignal): Promise<void>;
  /** A peer's fault, scored; enough of them close its link and ban it for a while (G12). */
  report(peer: PeerId, fault: Fault): void;
  /** An operator's ban: closes the link and refuses the peer for so long. */
  ban(peer: PeerId, ms: number): void;
  /** Whether there was a ban to end. */
  unban(peer: PeerId): boolean;
  metrics(): NetFigures;
  /** Closes every link; nothing of the network keeps the process alive afterwards. Idempotent. */
  close(): Promise<void>;
}

/** Counts since the start, unless said otherwise. */
export interface NetFigures {
  /** Now. */
  readonly peers: number;
  /** Now. */
  readonly bannedPeers: number;
  readonly linksOpened: number;
  readonly linksClosed: number;
  readonly dialsFailed: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Payload and frame headers, before encryption. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Waiting in the queues of all links, now. */
  readonly queueBytes: number;
  /** The longest of the last pings of all peers, in seconds; 0 without peers. */
  readonly roundTripSeconds: number;
  readonly gossipPublished: number;
  readonly gossipReceived: number;
  readonly gossipRejected: number;
  readonly gossipSentBytes: number;
  readonly gossipReceivedBytes: number;
  readonly faults: Readonly<Record<Fault, number>>;
}
