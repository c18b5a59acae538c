import type { ChainErrorCode } from '../types.ts';

export interface Dropped {
  readonly code: ChainErrorCode;
  readonly reason: string;
  /** Until then, on the monotonic clock, it is not taken again. */
  readonly barredUntil?: number;
}

/** Why transactions left without being executed: the newest so many (X19). */
export class DroppedReasons {
  readonly #max: number;
  readonly #reasons = new Map<string, Dropped>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Dropped | undefined {
    return this.#reasons.get(key);
  }

  remember(key: string, dropped: Dropped): void {
    this.#reasons.delete(key);
    this.#reasons.set(key, dropped);
    if (this.#reasons.size <= this.#max) return;
    for (const oldest of this.#reasons.keys()) {
      this.#reasons.delete(oldest);
      return;
    }
  }

  forget(key: string): void {
    this.#reasons.delete(key);
  }
}
