/**
 * The newest of something that keeps being replaced, for readers that come and go. A slow reader misses what was replaced meanwhile, and
 * nothing is kept for it: for values of which each covers all before it.
 */
export class Newest<T> {
  #value: T | undefined;
  #version = 0;
  #ended = false;
  readonly #sleeping = new Set<() => void>();

  get value(): T | undefined {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    this.#version++;
    this.#wake();
  }

  /** No more will come: readers end once they have the last. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** What is set from now on, and with `now` also what was set last; until the end or until `signal` aborts. */
  read(from: 'now' | 'next', signal: AbortSignal): AsyncIterable<T> {
    // Taken here and not at the first turn of the generator: a reader misses nothing that is set after this call.
    return this.#readAfter(from === 'now' ? 0 : this.#version, signal);
  }

  async *#readAfter(seen: number, signal: AbortSignal): AsyncGenerator<T> {
    let last = seen;
    while (!signal.aborted) {
      if (this.#version > last && this.#value !== undefined) {
        last = this.#version;
        yield this.#value;
      } else if (this.#ended) {
        return;
      } else {
        await this.#sleep(signal);
      }
    }
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    let wake: () => void = () => {};
    const slept = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#sleeping.add(wake);
    signal.addEventListener('abort', wake);
    try {
      await slept;
    } finally {
      this.#sleeping.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }

  #wake(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}
