import type { Instant } from '../../base/time.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 30_000;
/** Asked before anything was executed. */
const RETRY_MS_UNKNOWN = 1_000;
/** Over how long the rate is averaged. */
const MEMORY_MS = 5_000;
/** A refused sender is asked back when this part of the pool will have gone. */
const PART = 0.1;

/** How fast blocks take transactions out of the pool: what a refused sender is told to wait (X19). */
export class Drain {
  #perMs = 0;
  #since: Instant;

  constructor(now: Instant) {
    this.#since = now;
  }

  /** A block took so many of what waited. */
  took(count: number, now: Instant): void {
    const elapsed = Math.max(1, now - this.#since);
    this.#since = now;
    this.#perMs += (count / elapsed - this.#perMs) * (1 - Math.exp(-elapsed / MEMORY_MS));
  }

  retryAfterMs(waiting: number, now: Instant): number {
    if (this.#perMs === 0) return RETRY_MS_UNKNOWN;
    // A chain that stopped drains ever less, whatever it did before.
    const idle = Math.exp(-Math.max(0, now - this.#since) / MEMORY_MS);
    const ms = (waiting * PART) / (this.#perMs * idle);
    return Math.round(Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, ms)));
  }
}
