import type { Clock } from '../../base/time.ts';
import type { BftTimeout } from '../../native/index.ts';
import type { PosTimeouts } from './options.ts';

/** However late the round: an hour's partition must not make the next round wait for an hour. */
const WAIT_MS_MAX = 60_000;

/** How long this timer runs (P28). */
export function timeoutMs(timeouts: PosTimeouts, { step, round }: BftTimeout): number {
  switch (step) {
    case 'propose':
      return Math.min(WAIT_MS_MAX, timeouts.proposeMs + round * timeouts.proposeDeltaMs);
    case 'prevote':
      return Math.min(WAIT_MS_MAX, timeouts.prevoteMs + round * timeouts.prevoteDeltaMs);
    case 'precommit':
      return Math.min(WAIT_MS_MAX, timeouts.precommitMs + round * timeouts.precommitDeltaMs);
    case 'rebroadcast':
      return timeouts.rebroadcastMs;
  }
}

/** The timers of the core, each named by step, height and round (P28). */
export class Timers {
  readonly #clock: Clock;
  readonly #timeouts: PosTimeouts;
  readonly #running = new Map<string, () => void>();

  constructor(clock: Clock, timeouts: PosTimeouts) {
    this.#clock = clock;
    this.#timeouts = timeouts;
  }

  /** Starts it, or starts it again. */
  schedule(timeout: BftTimeout, ring: () => void): void {
    this.cancel(timeout);
    const name = nameOf(timeout);
    const at = this.#clock.monotonic() + timeoutMs(this.#timeouts, timeout);
    const cancel = this.#clock.schedule(at, () => {
      this.#running.delete(name);
      ring();
    });
    this.#running.set(name, cancel);
  }

  cancel(timeout: BftTimeout): void {
    const name = nameOf(timeout);
    this.#running.get(name)?.();
    this.#running.delete(name);
  }

  cancelAll(): void {
    for (const cancel of this.#running.values()) cancel();
    this.#running.clear();
  }
}

function nameOf({ step, height, round }: BftTimeout): string {
  return `${step}/${height}/${round}`;
}
