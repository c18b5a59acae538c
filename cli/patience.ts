/** What is left of `--timeout`: waits that follow each other share it (E5). */
export class Patience {
  #leftMs: number;

  constructor(ms: number) {
    this.#leftMs = ms;
  }

  /** Runs one wait with what is left, in ms; 0 = ask for what there is, and wait no more. */
  async spend<T>(wait: (leftMs: number) => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await wait(Math.ceil(this.#leftMs));
    } finally {
      this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - started));
    }
  }
}
