import { type Clock, sleep } from '../base/time.ts';
import type { CheckpointFeed, SignedCheckpoint } from '../consensus/index.ts';

/**
 * Follows the checkpoints of the logs for any number of listeners.
 *
 * Asking for the next checkpoint makes it be signed at once (N5), so listeners ask at most once per `intervalMs`: a
 * subscription must not turn every group commit into a signature. All who wait for the same one share one question.
 */
export class CheckpointWatch {
  readonly #feed: CheckpointFeed;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #asked = new Map<number, { size: number; promise: Promise<SignedCheckpoint> }>();

  constructor(deps: { feed: CheckpointFeed; clock: Clock }, intervalMs: number) {
    this.#feed = deps.feed;
    this.#clock = deps.clock;
    this.#intervalMs = intervalMs;
  }

  /** The newest checkpoint, then newer ones; those signed while the listener was busy are passed over. Ends with `signal`. */
  async *follow(partition: number, signal: AbortSignal): AsyncIterable<SignedCheckpoint> {
    let size = 0;
    const first = this.#feed.newest(partition);
    if (first !== undefined && !signal.aborted) {
      size = first.size;
      yield first;
    }
    while (!signal.aborted) {
      const next = await until(this.#next(partition, size + 1), signal);
      if (next === undefined) return;
      size = next.size;
      yield next;
      await sleep(this.#clock, this.#intervalMs, signal);
    }
  }

  #next(partition: number, size: number): Promise<SignedCheckpoint> {
    const asked = this.#asked.get(partition);
    if (asked?.size === size) return asked.promise;
    const promise = this.#feed.reached(partition, size);
    this.#asked.set(partition, { size, promise });
    const forget = () => {
      if (this.#asked.get(partition)?.promise === promise) this.#asked.delete(partition);
    };
    promise.then(forget, forget);
    return promise;
  }
}

/** What `work` comes to, or undefined once `signal` aborts; then the work is left to itself. */
function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
