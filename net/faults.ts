import type { PeerId } from './names.ts';

/** Seen from the node that has the switch. */
export type Direction = 'in' | 'out';

/** What happens to one frame or gossip message: lost, or this many milliseconds late. */
export type Fate = 'lost' | number;

/** The faults in force, for an operator to look at. */
export interface FaultState {
  readonly partitions: readonly { readonly peer: PeerId | '*'; readonly direction: Direction }[];
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly dropRate: number;
}

/**
 * Faults on purpose, on one node's side of its links and gossip, so that a devnet of real processes can be partitioned
 * without root or containers, and a scenario runs alike there and in the simulator (G14).
 *
 * A peer cut off in both directions loses its connection and cannot make a new one; one cut off in one direction stays
 * connected until pings find out. A dropped frame is one that was never sent.
 */
export class FaultSwitch {
  readonly #random: () => number;
  readonly #cuts: Readonly<Record<Direction, Set<PeerId | '*'>>> = {
    in: new Set(),
    out: new Set(),
  };
  readonly #listeners = new Set<() => void>();
  #delayMs = 0;
  #jitterMs = 0;
  #dropRate = 0;

  /** `random`: uniform in [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Cuts off peers (`'*'` = all of them) on top of those cut off already. */
  partition(peers: readonly (PeerId | '*')[], directions: readonly Direction[] = ['in', 'out']) {
    for (const direction of directions) {
      for (const peer of peers) this.#cuts[direction].add(peer);
    }
    this.#changed();
  }

  /** Ends the partition from these peers, or every partition. */
  heal(peers?: readonly (PeerId | '*')[]): void {
    for (const cut of [this.#cuts.in, this.#cuts.out]) {
      if (peers === undefined) cut.clear();
      else for (const peer of peers) cut.delete(peer);
    }
    this.#changed();
  }

  /** Every frame and message is `ms` to `ms + jitterMs` milliseconds late; 0 ends it. */
  delay(ms: number, jitterMs = 0): void {
    this.#delayMs = Math.max(0, ms);
    this.#jitterMs = Math.max(0, jitterMs);
    this.#changed();
  }

  /** Each frame and message is lost with this probability, 0 to 1; 0 ends it. */
  drop(probability: number): void {
    this.#dropRate = Math.min(1, Math.max(0, probability));
    this.#changed();
  }

  /** Ends all faults. */
  clear(): void {
    this.#delayMs = 0;
    this.#jitterMs = 0;
    this.#dropRate = 0;
    this.heal();
  }

  state(): FaultState {
    const of = (direction: Direction) =>
      [...this.#cuts[direction]].map((peer) => ({ peer, direction }));
    return {
      partitions: [...of('in'), ...of('out')],
      delayMs: this.#delayMs,
      jitterMs: this.#jitterMs,
      dropRate: this.#dropRate,
    };
  }

  /** Whether nothing may pass in this direction. */
  blocks(peer: PeerId, direction: Direction): boolean {
    const cut = this.#cuts[direction];
    return cut.size > 0 && (cut.has(peer) || cut.has('*'));
  }

  /** Whether a connection to the peer can exist at all. */
  severs(peer: PeerId): boolean {
    return this.blocks(peer, 'in') && this.blocks(peer, 'out');
  }

  /** Decides about one frame or message; 0 when no fault is in force. */
  fate(peer: PeerId, direction: Direction): Fate {
    if (this.blocks(peer, direction)) return 'lost';
    if (this.#dropRate > 0 && this.#random() < this.#dropRate) return 'lost';
    if (this.#delayMs === 0 && this.#jitterMs === 0) return 0;
    return this.#delayMs + this.#random() * this.#jitterMs;
  }

  /** Calls back after every change; returns the function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
