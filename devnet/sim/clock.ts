import { assert } from '../../base/errors.ts';
import type { Clock, Instant } from '../../base/time.ts';

/** Where simulated wall time begins: 2026-01-01T00:00:00Z, so that Scarab ids start small (scarab.md S1). */
const WALL_START = 1_767_225_600_000;

interface Entry {
  readonly at: Instant;
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/** A clock that moves only when told to. Ties run in the order they were scheduled. */
export class SimClock implements Clock {
  #now: Instant = 0;
  #wallAhead = WALL_START;
  #order = 0;
  /** A binary heap: the earliest task first. */
  readonly #heap: Entry[] = [];

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
    const entry: Entry = {
      at: Math.max(at, this.#now),
      order: this.#order++,
      task,
      cancelled: false,
    };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return () => {
      entry.cancelled = true;
    };
  }

  /** Runs the earliest task; false when none is left. */
  advance(): boolean {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      if (next.cancelled) continue;
      assert(next.at >= this.#now, 'simulated time does not run backwards');
      this.#now = next.at;
      next.task();
      return true;
    }
    return false;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    this.#sink(0);
    return first;
  }

  #rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #sink(from: number): void {
    for (let i = from; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return;
    this.#heap[i] = b;
    this.#heap[j] = a;
  }
}
