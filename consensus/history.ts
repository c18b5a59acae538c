/**
 * Things that happened, in order, for readers that come and go: each starts where it likes and misses nothing, and a slow one
 * holds nobody up because it reads from here and not from a queue of its own.
 */
export class History<T> {
  readonly #items: T[] = [];
  readonly #sleeping = new Set<() => void>();
  #ended = false;

  get items(): readonly T[] {
    return this.#items;
  }

  append(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** No more will come: readers end once they have read all. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Items from position `from` on, those to come included, until the end or until `signal` aborts. */
  async *read(from: number, signal: AbortSignal): AsyncIterable<T> {
    let wake: () => void = () => {};
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      for (let at = from; !signal.aborted; ) {
        const item = this.#items[at];
        if (item !== undefined) {
          at++;
          yield item;
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

  #wake(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}
