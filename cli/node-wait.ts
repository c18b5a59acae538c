import type { Context } from './context.ts';

const SILENT_MS = 2_000;
const LINE_MS = 5_000;

/** Says on standard error that an answer of the node is waited for, once that takes longer than two seconds (E4). */
export class NodeWait {
  readonly #context: Context;
  readonly #url: string;

  constructor(context: Context, url: string) {
    this.#context = context;
    this.#url = url;
  }

  /** A question is on its way; what is given back is called when it is answered. */
  begin(): () => void {
    const started = performance.now();
    const say = () => {
      const seconds = Math.round((performance.now() - started) / 1_000);
      this.#context.note(`pyralog: waiting for ${this.#url} to answer, ${seconds} s so far`);
      timer = setTimeout(say, LINE_MS);
    };
    let timer = setTimeout(say, SILENT_MS);
    return () => clearTimeout(timer);
  }
}
