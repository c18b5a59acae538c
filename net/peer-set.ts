import type { Clock } from '../base/time.ts';
import { type NetCounters, newCounters } from './counters.ts';
import type { Hello } from './hello.ts';
import { ScoreBook, type ScoreEntry } from './score-book.ts';
import type { Fault, Link, NetFigures, PeerId, PeerListener, PeerState } from './types.ts';

/** A peer while its link is open. */
export interface ConnectedPeer {
  readonly link: Link & { readonly rttMs: number | undefined; readonly queueBytes: number };
  readonly hello: Hello;
  readonly address: string;
  readonly inbound: boolean;
}

export interface PeerSetDeps {
  readonly clock: Clock;
  readonly onBug: (bug: unknown) => void;
  /** Closes whatever connects us to a peer that is banned from now on. */
  readonly onBan: (peer: PeerId) => void;
}

/** Who is connected, who is told about it, and what each has done wrong: the part that every network has in common. */
export class PeerSet {
  readonly counters: NetCounters = newCounters();
  readonly #deps: PeerSetDeps;
  readonly #scores: ScoreBook;
  readonly #peers = new Map<PeerId, ConnectedPeer & { readonly since: number }>();
  readonly #listeners = new Set<PeerListener>();

  constructor(deps: PeerSetDeps, banMs: number, scores: readonly ScoreEntry[] = []) {
    this.#deps = deps;
    this.#scores = new ScoreBook(deps.clock, banMs, scores);
  }

  get size(): number {
    return this.#peers.size;
  }

  get(peer: PeerId): ConnectedPeer | undefined {
    return this.#peers.get(peer);
  }

  add(peer: ConnectedPeer): void {
    const since = this.#deps.clock.wall();
    this.#peers.set(peer.link.peer, { ...peer, since });
    this.counters.linksOpened++;
    for (const listener of [...this.#listeners]) {
      this.#tell(() => listener.connected(peer.link, peer.hello));
    }
  }

  /** Takes the peer out if this link is the one it is known by. */
  remove(link: Link): boolean {
    if (this.#peers.get(link.peer)?.link !== link) return false;
    this.#peers.delete(link.peer);
    this.counters.linksClosed++;
    for (const listener of [...this.#listeners]) {
      this.#tell(() => listener.disconnected(link.peer));
    }
    return true;
  }

  onPeer(listener: PeerListener): () => void {
    this.#listeners.add(listener);
    for (const { link, hello } of [...this.#peers.values()]) {
      this.#tell(() => listener.connected(link, hello));
    }
    return () => {
      this.#listeners.delete(listener);
    };
  }

  report(peer: PeerId, fault: Fault): void {
    this.counters.faults[fault]++;
    if (this.#scores.report(peer, fault)) this.#deps.onBan(peer);
  }

  ban(peer: PeerId, ms: number): void {
    this.#scores.ban(peer, ms);
    this.#deps.onBan(peer);
  }

  unban(peer: PeerId): boolean {
    return this.#scores.unban(peer);
  }

  isBanned(peer: PeerId): boolean {
    return this.#scores.isBanned(peer);
  }

  scores(): ScoreEntry[] {
    return this.#scores.entries();
  }

  states(): PeerState[] {
    return [...this.#peers.values()].map((peer) => ({
      id: peer.link.peer,
      address: peer.address,
      hello: peer.hello,
      score: this.#scores.score(peer.link.peer),
      inbound: peer.inbound,
      rttMs: peer.link.rttMs,
      since: peer.since,
    }));
  }

  figures(): NetFigures {
    let queueBytes = 0;
    let rttMs = 0;
    for (const { link } of this.#peers.values()) {
      queueBytes += link.queueBytes;
      rttMs = Math.max(rttMs, link.rttMs ?? 0);
    }
    return {
      ...this.counters,
      faults: { ...this.counters.faults },
      peers: this.#peers.size,
      bannedPeers: this.#scores.bannedCount(),
      queueBytes,
      roundTripSeconds: rttMs / 1_000,
    };
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (bug) {
      this.#deps.onBug(bug);
    }
  }
}
