import { assert } from '../base/errors.ts';
import type { App, Finalized } from './engine.ts';

/** Blocks kept in memory for readers that are nearly up to date; older ones come from the store. */
const RECENT_MAX = 256;

/** Final blocks for readers that come and go, each from where it likes and at its own speed. */
export class FinalStream {
  readonly #app: Pick<App, 'head' | 'block'>;
  readonly #recent = new Map<number, Finalized>();
  readonly #sleeping = new Set<() => void>();
  #ended = false;

  constructor(app: Pick<App, 'head' | 'block'>) {
    this.#app = app;
  }

  append(block: Finalized): void {
    this.#recent.set(block.height, block);
    this.#recent.delete(block.height - RECENT_MAX);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<Finalized> {
    let wake: () => void = () => {};
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      for (let height = Math.max(1, from); !signal.aborted; ) {
        if (height <= (this.#app.head()?.height ?? 0)) {
          yield this.#recent.get(height) ?? (await this.#stored(height));
          height++;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
            this.#sleeping.add(resolve);
          });
          this.#sleeping.delete(wake);
        }
      }
    } finally {
      this.#sleeping.delete(wake);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #stored(at: number): Promise<Finalized> {
    const block = await this.#app.block(at);
    assert(block !== undefined, `the app keeps every final block, ${at} too`);
    const { height, id, time, evidence } = block;
    return { height, id, time, evidence };
  }

  #wake(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}
