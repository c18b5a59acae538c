import type { Clock } from '../base/time.ts';
import type { Fate } from './faults.ts';

interface Held {
  readonly at: number;
  readonly bytes: number;
  readonly pass: () => void;
}

/**
 * Lets frames through as the fault switch says: lost, late, or at once, and never one before another.
 *
 * Frames held back count: a delay line is not a way around back-pressure.
 */
export class DelayLine {
  readonly #clock: Clock;
  readonly #held: Held[] = [];
  #cancel: () => void = () => {};
  #heldBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Runs `pass` when it is the frame's turn, or never. */
  put(fate: Fate, bytes: number, pass: () => void): void {
    if (fate === 'lost') return;
    const last = this.#held.at(-1);
    if (fate <= 0 && last === undefined) {
      pass();
      return;
    }
    const at = Math.max(last?.at ?? 0, this.#clock.monotonic() + fate);
    this.#held.push({ at, bytes, pass });
    this.#heldBytes += bytes;
    if (last === undefined) this.#wait(at);
  }

  /** Drops what is held back. */
  close(): void {
    this.#cancel();
    this.#held.length = 0;
    this.#heldBytes = 0;
  }

  #wait(at: number): void {
    this.#cancel = this.#clock.schedule(at, () => {
      const now = this.#clock.monotonic();
      let next = this.#held[0];
      while (next !== undefined && next.at <= now) {
        this.#heldBytes -= next.bytes;
        next.pass();
        // Only now: what is put meanwhile finds that it is not the first.
        this.#held.shift();
        next = this.#held[0];
      }
      if (next !== undefined) this.#wait(next.at);
    });
  }
}
