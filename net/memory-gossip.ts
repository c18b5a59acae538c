import { PyralogError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { Gossip, GossipMessage, NetErrorCode, PeerId, Verdict } from './types.ts';

export interface MemoryGossipDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); seeded, so that a run can be repeated. */
  readonly random: () => number;
  /** Told of a validation that threw: a bug of the listener, not of the peer. */
  readonly onBug: (bug: unknown) => void;
}

export interface MemoryGossipOptions {
  /** Who hands messages to whom; both directions. */
  readonly edges: readonly (readonly [PeerId, PeerId])[];
  readonly delayMsMax: number;
  /** Chance that one hop loses a message; redundant edges make up for it. */
  readonly lossRate: number;
  /** Hops a peer may have on the way before `publish` is refused. */
  readonly queueMax: number;
  /** Messages a peer remembers as seen; older ones could come round again. */
  readonly seenMax: number;
}

type Validate = (message: GossipMessage) => Verdict | Promise<Verdict>;

/** Gossip among peers of one process over a fixed graph. */
export function createMemoryGossip(
  deps: MemoryGossipDeps,
  options: MemoryGossipOptions,
): (peer: PeerId) => Gossip {
  const peers = new Map<PeerId, MemoryGossip>();
  return (peer) => {
    const neighbours = options.edges.flatMap(([a, b]) =>
      a === peer ? [b] : b === peer ? [a] : [],
    );
    const gossip = new MemoryGossip(peer, { ...deps, peers, neighbours }, options);
    peers.set(peer, gossip);
    return gossip;
  };
}

interface PeerDeps extends MemoryGossipDeps {
  readonly peers: ReadonlyMap<PeerId, MemoryGossip>;
  readonly neighbours: readonly PeerId[];
}

class MemoryGossip implements Gossip {
  readonly self: PeerId;
  readonly #deps: PeerDeps;
  readonly #options: MemoryGossipOptions;
  readonly #handlers = new Map<string, Validate>();
  readonly #seen = new Set<string>();
  readonly #faults = new Map<PeerId, number>();
  #onTheWay = 0;
  #closed = false;

  constructor(self: PeerId, deps: PeerDeps, options: MemoryGossipOptions) {
    this.self = self;
    this.#deps = deps;
    this.#options = options;
  }

  async publish(topic: string, bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new PyralogError<NetErrorCode>('net/closed', 'gossip is closed');
    if (this.#onTheWay + this.#deps.neighbours.length > this.#options.queueMax) {
      throw new PyralogError<NetErrorCode>(
        'net/overloaded',
        `${this.#onTheWay} messages are on their way; publish again when some have left`,
        { data: { queued: this.#onTheWay } },
      );
    }
    const copy = Uint8Array.from(bytes);
    this.#firstSight(topic, copy);
    this.#spread(topic, copy, undefined);
  }

  onMessage(topic: string, validate: Validate): () => void {
    if (this.#handlers.has(topic)) throw new Error(`invariant broken: ${topic} has a handler`);
    this.#handlers.set(topic, validate);
    return () => {
      this.#handlers.delete(topic);
    };
  }

  faults(peer: PeerId): number {
    return this.#faults.get(peer) ?? 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#handlers.clear();
  }

  #spread(topic: string, bytes: Uint8Array, except: PeerId | undefined): void {
    const { clock, random, neighbours, peers } = this.#deps;
    for (const neighbour of neighbours) {
      if (neighbour === except) continue;
      this.#onTheWay++;
      clock.schedule(clock.monotonic() + random() * this.#options.delayMsMax, () => {
        this.#onTheWay--;
        const lost = random() < this.#options.lossRate;
        if (!lost) void peers.get(neighbour)?.take({ topic, bytes, from: this.self });
      });
    }
  }

  async take(message: GossipMessage): Promise<void> {
    const validate = this.#handlers.get(message.topic);
    if (this.#closed || validate === undefined) return;
    if (!this.#firstSight(message.topic, message.bytes)) return;
    let verdict: Verdict = 'ignore';
    try {
      verdict = await validate(message);
    } catch (bug) {
      this.#deps.onBug(bug);
    }
    if (verdict === 'reject') this.#faults.set(message.from, this.faults(message.from) + 1);
    // A relay that is swamped drops: gossip is best effort, and every other path still carries the message.
    const room = this.#onTheWay + this.#deps.neighbours.length <= this.#options.queueMax;
    if (verdict === 'accept' && room && !this.#closed) {
      this.#spread(message.topic, message.bytes, message.from);
    }
  }

  #firstSight(topic: string, bytes: Uint8Array): boolean {
    const id = `${topic}\n${Buffer.from(bytes).toString('base64')}`;
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > this.#options.seenMax) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return true;
  }
}
