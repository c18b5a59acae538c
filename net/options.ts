import type { Logger } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import type { Hello } from './hello.ts';

/** Keeps the peer book (G13): one text, replaced as a whole. */
export interface PeerBookStore {
  /** undefined when none was ever saved. */
  load(): Promise<string | undefined>;
  /** Atomic: after a crash `load` gives the old text or the new one. */
  save(text: string): Promise<void>;
}

export interface NetworkDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1): jitter of redials, injected faults. */
  readonly random: () => number;
  readonly log: Logger;
  /** Told of a listener or validation that threw: a bug here, not a peer's fault. */
  readonly onBug: (bug: unknown) => void;
  readonly peerBook?: PeerBookStore;
}

/** What both implementations can be told; what is missing takes the value of {@link DEFAULT_LIMITS}. */
export interface NetworkLimits {
  /** Bytes waiting in one priority of one link before `send` waits. */
  readonly laneBytesMax: number;
  /** Bytes that arrived on one link and were not taken by its reader before the peer has to wait. */
  readonly inboxBytesMax: number;
  /** A peer that says nothing for so long is pinged. */
  readonly pingIdleMs: number;
  /** A peer that says nothing for so long after a ping, or does not finish its hello, is unresponsive (G7). */
  readonly answerMsMax: number;
  /** Peers connected at once, both ways; a part is kept for those this node was told of (G10). */
  readonly connectionsMax: number;
  /** Connections from one IP address; loopback too. */
  readonly connectionsPerAddressMax: number;
  /** How long a ban lasts (G12). */
  readonly banMs: number;
  /** First wait before a lost or unreachable peer is dialled again; doubles up to `redialMsMax`, ± half (G11). */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** Messages published and not yet sent before `publish` is refused. */
  readonly gossipQueueMax: number;
}

export const DEFAULT_LIMITS: NetworkLimits = {
  laneBytesMax: 1024 * 1024,
  inboxBytesMax: 1024 * 1024,
  pingIdleMs: 5_000,
  answerMsMax: 5_000,
  connectionsMax: 100,
  connectionsPerAddressMax: 32,
  banMs: 600_000,
  redialMsMin: 250,
  redialMsMax: 5_000,
  gossipQueueMax: 4_096,
};

/** A libp2p host ({@link createLibp2pNetwork}). */
export interface Libp2pOptions {
  /** 32-byte Ed25519 seed of the `transport` key (identity.md I5). */
  readonly seed: Uint8Array;
  /** Asked for at every handshake, so that the height is current. */
  readonly hello: () => Hello;
  /** Multiaddrs to listen on, such as `/ip4/127.0.0.1/tcp/0`; with `websocket` also `…/ws`. */
  readonly listen: readonly string[];
  /** Multiaddrs told to others instead of those listened on: for a node behind a port forward. */
  readonly announce?: readonly string[];
  /** Peers to be connected to for as long as this node runs: multiaddrs with `/p2p/`. */
  readonly bootstrap?: readonly string[];
  /** Finds peers of the same network in the local network. */
  readonly mdns?: boolean;
  /** Finds peers through Kademlia; the protocol carries the network id. */
  readonly dht?: boolean;
  readonly websocket?: boolean;
  /** Needs the package `@chainsafe/libp2p-quic`, which is not among the dependencies. */
  readonly quic?: boolean;
  readonly limits?: Partial<NetworkLimits>;
}
