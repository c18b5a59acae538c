import { hash } from 'node:crypto';
import { concat, toUtf8 } from '../../base/bytes.ts';
import { PyralogError } from '../../base/errors.ts';
import { tooBigForTopic } from '../gossip-limits.ts';
import type { PeerSet } from '../peer-set.ts';
import { TopicJudges } from '../topic-judges.ts';
import type { Gossip, NetErrorCode, PeerId, Topic, Validate, Verdict } from '../types.ts';
import type { Medium, Station } from './medium.ts';

/** Messages remembered as seen, twice over: older ones could come round again. */
const SEEN_MAX = 16_384;

export interface MemoryGossipDeps {
  readonly medium: Medium;
  readonly station: Station;
  readonly peers: PeerSet;
  /** Those connected now, in the order they came. */
  readonly neighbours: () => Iterable<MemoryGossip>;
  readonly onBug: (bug: unknown) => void;
}

interface Message {
  readonly id: string;
  readonly topic: Topic;
  readonly bytes: Uint8Array;
}

/** Floods messages from peer to peer over the medium. */
export class MemoryGossip implements Gossip {
  readonly self: PeerId;
  readonly #deps: MemoryGossipDeps;
  readonly #queueMax: number;
  readonly #judges: TopicJudges;
  #seen = new Set<string>();
  #seenBefore = new Set<string>();
  #onTheWay = 0;
  #closed = false;

  constructor(deps: MemoryGossipDeps, queueMax: number) {
    this.self = deps.station.self;
    this.#deps = deps;
    this.#judges = new TopicJudges(deps.peers);
    this.#queueMax = queueMax;
  }

  async publish(topic: Topic, bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new PyralogError<NetErrorCode>('net/closed', 'gossip is closed');
    const tooBig = tooBigForTopic(topic, bytes);
    if (tooBig !== undefined) throw tooBig;
    if (this.#onTheWay >= this.#queueMax) {
      throw new PyralogError<NetErrorCode>(
        'net/overloaded',
        `${this.#onTheWay} messages are on their way; publish again when some have left`,
        { data: { queued: this.#onTheWay } },
      );
    }
    const copy = Uint8Array.from(bytes);
    const id = hash('sha256', concat(toUtf8(topic), Uint8Array.of(0), copy), 'base64');
    this.#deps.peers.counters.gossipPublished++;
    if (this.#firstSight(id)) this.#spread({ id, topic, bytes: copy }, undefined);
  }

  onMessage(topic: Topic, validate: Validate): () => void {
    return this.#judges.add(topic, validate);
  }

  faults(peer: PeerId): number {
    return this.#judges.faults(peer);
  }

  close(): void {
    this.#closed = true;
    this.#judges.close();
  }

  #spread(message: Message, except: PeerId | undefined): void {
    const { medium, station, neighbours, peers } = this.#deps;
    for (const neighbour of neighbours()) {
      // Bringing it to one that has it already would change nothing but the length of the run.
      if (neighbour.self === except || neighbour.#hasSeen(message.id)) continue;
      peers.counters.gossipSentBytes += message.bytes.length;
      this.#onTheWay++;
      let arrived = false;
      const carried = medium.carry(station, neighbour.#deps.station, () => {
        if (!arrived) this.#onTheWay--;
        arrived = true;
        void neighbour.#take(message, this.self);
      });
      if (!carried) this.#onTheWay--;
    }
  }

  async #take(message: Message, from: PeerId): Promise<void> {
    const { peers, onBug } = this.#deps;
    const { topic, bytes, id } = message;
    if (this.#closed) return;
    peers.counters.gossipReceivedBytes += bytes.length;
    if (!this.#firstSight(id)) return;
    peers.counters.gossipReceived++;
    let verdict: Verdict = 'ignore';
    try {
      verdict = (await this.#judges.of(topic)?.({ topic, bytes, from })) ?? 'ignore';
    } catch (bug) {
      onBug(bug);
    }
    if (this.#closed) return;
    if (verdict === 'reject') {
      this.#judges.blame(from);
    } else if (verdict === 'accept' && this.#onTheWay < this.#queueMax) {
      // A relay that is swamped drops: gossip is best effort, and every other path still carries the message.
      this.#spread(message, from);
    }
  }

  #hasSeen(id: string): boolean {
    return this.#seen.has(id) || this.#seenBefore.has(id);
  }

  #firstSight(id: string): boolean {
    if (this.#hasSeen(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > SEEN_MAX) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    return true;
  }
}
