import type { Clock } from '../../base/time.ts';
import type { App } from '../engine.ts';
import type { PosOptions } from './options.ts';

export interface PaceDeps {
  readonly clock: Clock;
  readonly app: Pick<App, 'hasPending' | 'onPending' | 'head'>;
  /** Begins the next height unless one is under way. */
  readonly begin: () => void;
}

/** When a height begins for lack of another reason (P29). One timer, and none while a height is under way. */
export class Pace {
  readonly #deps: PaceDeps;
  readonly #options: PosOptions;
  #lastBegin = Number.NEGATIVE_INFINITY;
  #lastBlock: number;
  #waiting = false;
  #cancel: (() => void) | undefined;
  #endPending: (() => void) | undefined;

  constructor(deps: PaceDeps, options: PosOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#lastBlock = deps.clock.monotonic();
  }

  start(): void {
    this.#endPending = this.#deps.app.onPending(() => {
      if (this.#waiting) this.wait();
    });
    this.wait();
  }

  /** A height has begun. */
  begun(): void {
    this.#lastBegin = this.#deps.clock.monotonic();
    this.#waiting = false;
    this.#stopTimer();
  }

  /** A block is final: the heartbeat starts again. */
  finished(): void {
    this.#lastBlock = this.#deps.clock.monotonic();
  }

  /** No height is under way: begins the next one when it is time. */
  wait(): void {
    const { clock, begin } = this.#deps;
    this.#waiting = true;
    this.#stopTimer();
    const at = this.#nextBegin();
    if (at <= clock.monotonic()) {
      begin();
      return;
    }
    this.#cancel = clock.schedule(at, () => {
      this.#cancel = undefined;
      begin();
    });
  }

  stop(): void {
    this.#waiting = false;
    this.#endPending?.();
    this.#stopTimer();
  }

  #nextBegin(): number {
    const { app } = this.#deps;
    const wanted = this.#options.emptyBlocks || app.hasPending() || app.head() === undefined;
    const soonest = this.#lastBegin + this.#options.blockIntervalMs;
    return wanted ? soonest : Math.max(soonest, this.#lastBlock + this.#options.heartbeatMs);
  }

  #stopTimer(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
