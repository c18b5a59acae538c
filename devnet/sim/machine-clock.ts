import type { Clock, Instant } from '../../base/time.ts';

/**
 * The clock of one machine in the simulation, from its start to its crash: its wall clock is off by so much, it can stand
 * still, and with the machine everything dies that it was going to do.
 */
export class MachineClock implements Clock {
  /** How far its wall clock is ahead of true time, in milliseconds. */
  wallAheadMs: number;
  readonly #world: Clock;
  #held: (() => void)[] | undefined;
  #dead = false;

  constructor(world: Clock, wallAheadMs: number) {
    this.#world = world;
    this.wallAheadMs = wallAheadMs;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  monotonic(): Instant {
    return this.#world.monotonic();
  }

  wall(): number {
    return this.#world.wall() + this.wallAheadMs;
  }

  schedule(at: Instant, task: () => void): () => void {
    let cancelled = false;
    const run = () => {
      if (cancelled || this.#dead) return;
      if (this.#held === undefined) task();
      else this.#held.push(run);
    };
    const cancel = this.#world.schedule(at, run);
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** Timers that ring are kept from now on (a stopped process, a suspended machine). */
  pause(): void {
    this.#held ??= [];
  }

  /** Everything that rang meanwhile, at once and in order. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const task of held) this.#world.schedule(this.#world.monotonic(), task);
  }

  /** The machine lost power: no timer of it rings any more, no write of it ends. */
  kill(): void {
    this.#dead = true;
    this.#held = undefined;
  }
}
