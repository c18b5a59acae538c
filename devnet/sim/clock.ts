import { assert } from '../../base/errors.ts';
import type { Clock, Instant } from '../../base/time.ts';

/** Where simulated wall time begins: 2026-01-01T00:00:00Z, so that Scarab ids start small (scarab.md S1). */
const WALL_START = 1_767_225_600_000;

/** A clock that moves only when told to. Ties run in the order they were scheduled. */
export class SimClock implements Clock {
  #now: Instant = 0;
  #wallAhead = WALL_START;
  #tasks: { at: Instant; order: number; task: () => void }[] = [];
  #order = 0;

  monotonic(): Instant {
    return this.#now;
  }

  wall(): number {
    return this.#wallAhead + this.#now;
  }

  /** Sets the wall clock forward, or back with a negative number: a fault that monotonic time does not see. */
  jumpWall(ms: number): void {
    this.#wallAhead += ms;
  }

  schedule(at: Instant, task: () => void): () => void {
    const entry = { at: Math.max(at, this.#now), order: this.#order++, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Runs the earliest task; false when none is left. */
  advance(): boolean {
    this.#tasks.sort((a, b) => a.at - b.at || a.order - b.order);
    const next = this.#tasks.shift();
    if (next === undefined) return false;
    assert(next.at >= this.#now, 'simulated time does not run backwards');
    this.#now = next.at;
    next.task();
    return true;
  }
}
