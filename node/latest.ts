/** A value that changes, for readers that only care about the newest: a slow one passes over what came in between. */
export class Latest<T> {
  #value: { readonly of: T } | undefined;
  #version = 0;
  readonly #wakers = new Set<() => void>();

  set(value: T): void {
    this.#value = { of: value };
    this.#version += 1;
    for (const wake of [...this.#wakers]) wake();
  }

  /** The newest value, if there is one, then every newer one that is seen; ends with `signal`. */
  async *follow(signal: AbortSignal): AsyncIterable<T> {
    let seen = 0;
    while (!signal.aborted) {
      const current = this.#value;
      if (current !== undefined && this.#version !== seen) {
        seen = this.#version;
        yield current.of;
      } else {
        await this.#changed(signal);
      }
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
