import type { PeerSet } from './peer-set.ts';
import type { PeerId, Topic, Validate } from './types.ts';

/** Who judges the messages of each topic, and the invalid ones that peers were caught with (G9). */
export class TopicJudges {
  readonly #peers: PeerSet;
  readonly #judges = new Map<Topic, Validate>();
  readonly #faults = new Map<PeerId, number>();

  constructor(peers: PeerSet) {
    this.#peers = peers;
  }

  /** Gives a topic its only judge; the answer takes it away again. */
  add(topic: Topic, judge: Validate): () => void {
    if (this.#judges.has(topic)) throw new Error(`invariant broken: ${topic} has a handler`);
    this.#judges.set(topic, judge);
    return () => {
      this.#judges.delete(topic);
    };
  }

  of(topic: Topic): Validate | undefined {
    return this.#judges.get(topic);
  }

  /** Holds a rejected message against the peer that brought it. */
  blame(peer: PeerId): void {
    this.#peers.counters.gossipRejected++;
    this.#faults.set(peer, this.faults(peer) + 1);
    this.#peers.report(peer, 'invalid');
  }

  faults(peer: PeerId): number {
    return this.#faults.get(peer) ?? 0;
  }

  /** A peer that left takes its count with it. */
  forget(peer: PeerId): void {
    this.#faults.delete(peer);
  }

  /** Nobody judges any more. */
  close(): void {
    this.#judges.clear();
  }
}
