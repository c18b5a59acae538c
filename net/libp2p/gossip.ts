import type { GossipSub, TopicValidatorResult } from '@libp2p/gossipsub';
import { PyralogError } from '../../base/errors.ts';
import type { Clock } from '../../base/time.ts';
import type { FaultSwitch } from '../faults.ts';
import { tooBigForTopic } from '../gossip-limits.ts';
import type { PeerSet } from '../peer-set.ts';
import { TopicJudges } from '../topic-judges.ts';
import {
  type Gossip,
  type NetErrorCode,
  type PeerId,
  TOPICS,
  type Topic,
  type Validate,
  type Verdict,
} from '../types.ts';
import { claimedLength, topicOfPath, topicPath } from './gossip-codec.ts';
import { OUTBOUND_BYTES_MAX } from './gossip-init.ts';
import { type RawMessage, tapGossip } from './gossip-tap.ts';

/** Messages being validated at once; a node that has fallen behind lets others carry the rest. */
const VALIDATIONS_MAX = 4_096;

export interface Libp2pGossipDeps {
  readonly service: GossipSub;
  readonly clock: Clock;
  readonly faults: FaultSwitch;
  readonly peers: PeerSet;
  readonly onBug: (bug: unknown) => void;
}

export interface Libp2pGossipOptions {
  readonly self: PeerId;
  readonly networkId: string;
  readonly queueMax: number;
}

/** Gossip over gossipsub (G9). Every topic is subscribed to from the start; without a handler messages are ignored. */
export class Libp2pGossip implements Gossip {
  readonly self: PeerId;
  readonly #deps: Libp2pGossipDeps;
  readonly #options: Libp2pGossipOptions;
  readonly #judges: TopicJudges;
  readonly #waitingBytes: () => number;
  #publishing = 0;
  #validating = 0;
  #closed = false;

  constructor(deps: Libp2pGossipDeps, options: Libp2pGossipOptions) {
    this.self = options.self;
    this.#deps = deps;
    this.#judges = new TopicJudges(deps.peers);
    this.#options = options;
    this.#waitingBytes = tapGossip(deps.service, {
      outgoing: (peer, bytes, pass) => this.#outgoing(peer, bytes, pass),
      incoming: (peer, message, pass) => this.#incoming(peer, message, pass),
    });
  }

  /** Once the host has started. */
  start(): void {
    const { service } = this.#deps;
    for (const topic of Object.keys(TOPICS) as Topic[]) {
      const path = topicPath(this.#options.networkId, topic);
      service.topicValidators.set(path, (from, message) =>
        this.#judge(topic, message.data, from.toString()),
      );
      service.subscribe(path);
    }
  }

  async publish(topic: Topic, bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new PyralogError<NetErrorCode>('net/closed', 'gossip is closed');
    const tooBig = tooBigForTopic(topic, bytes);
    if (tooBig !== undefined) throw tooBig;
    const waitingBytes = this.#waitingBytes();
    if (this.#publishing >= this.#options.queueMax || waitingBytes > OUTBOUND_BYTES_MAX / 4) {
      throw new PyralogError<NetErrorCode>(
        'net/overloaded',
        `${this.#publishing} messages and ${waitingBytes} bytes wait to be sent; publish again when some have left`,
        { data: { queued: this.#publishing, bytes: waitingBytes } },
      );
    }
    this.#publishing++;
    try {
      const path = topicPath(this.#options.networkId, topic);
      this.#deps.peers.counters.gossipPublished++;
      await this.#deps.service.publish(path, Uint8Array.from(bytes));
    } finally {
      this.#publishing--;
    }
  }

  onMessage(topic: Topic, validate: Validate): () => void {
    return this.#judges.add(topic, validate);
  }

  faults(peer: PeerId): number {
    return this.#judges.faults(peer);
  }

  /** A peer that left takes its count with it. */
  forget(peer: PeerId): void {
    this.#judges.forget(peer);
  }

  close(): void {
    this.#closed = true;
    this.#judges.close();
  }

  #outgoing(peer: PeerId, bytes: number, pass: () => void): void {
    const { faults, peers } = this.#deps;
    const fate = faults.fate(peer, 'out');
    if (fate === 'lost') return;
    peers.counters.gossipSentBytes += bytes;
    this.#after(fate, pass);
  }

  #incoming(peer: PeerId, message: RawMessage, pass: () => void): void {
    const { faults, peers } = this.#deps;
    const bytes = message.data ?? new Uint8Array(0);
    peers.counters.gossipReceivedBytes += bytes.length;
    const fate = faults.fate(peer, 'in');
    if (fate === 'lost') return;
    const topic = topicOfPath(this.#options.networkId, message.topic);
    const length = claimedLength(bytes);
    if (topic === undefined || length === undefined) {
      peers.report(peer, 'malformed');
    } else if (length > TOPICS[topic]) {
      peers.report(peer, 'oversized');
    } else {
      this.#after(fate, pass);
    }
  }

  #after(ms: number, pass: () => void): void {
    if (ms <= 0) pass();
    else this.#deps.clock.schedule(this.#deps.clock.monotonic() + ms, pass);
  }

  async #judge(topic: Topic, bytes: Uint8Array, from: PeerId): Promise<TopicValidatorResult> {
    const validate = this.#judges.of(topic);
    const { peers, onBug } = this.#deps;
    peers.counters.gossipReceived++;
    let verdict: Verdict = 'ignore';
    if (validate !== undefined && this.#validating < VALIDATIONS_MAX) {
      this.#validating++;
      try {
        verdict = await validate({ topic, bytes, from });
      } catch (bug) {
        onBug(bug);
      } finally {
        this.#validating--;
      }
    }
    if (verdict === 'reject') this.#judges.blame(from);
    // The enum's members are these words; its module is loaded with the host only.
    return verdict as TopicValidatorResult;
  }
}
