import type { Context } from './context.ts';

const SILENT_MS = 1_000;
const TERMINAL_MS = 200;
const LINE_MS = 5_000;

/** Says how far hashing is, on standard error, once it takes longer than a second (E4). */
export class Progress {
  readonly #context: Context;
  readonly #started = performance.now();
  #last = performance.now() - LINE_MS + SILENT_MS;
  #done = 0;
  #shown = false;
  readonly #total: number | undefined;

  /** `total` in bytes; unknown for standard input. */
  constructor(context: Context, total: number | undefined) {
    this.#context = context;
    this.#total = total;
    if (context.isTerminal) this.#last = performance.now() - TERMINAL_MS + SILENT_MS;
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    const { isTerminal } = this.#context;
    if (now - this.#last < (isTerminal ? TERMINAL_MS : LINE_MS)) return;
    this.#last = now;
    this.#shown = true;
    const line = progressLine(this.#done, this.#total, (now - this.#started) / 1_000);
    if (isTerminal) process.stderr.write(`\r\u001b[K${line}`);
    else this.#context.note(line);
  }

  /** Clears the line. */
  end(): void {
    if (this.#shown && this.#context.isTerminal) process.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}

export function progressLine(done: number, total: number | undefined, seconds: number): string {
  const share = total === undefined || total === 0 ? '' : `${Math.floor((100 * done) / total)} %, `;
  const of = total === undefined ? '' : ` of ${bytesText(total)}`;
  return `hashing: ${share}${bytesText(done)}${of}, ${bytesText(done / Math.max(seconds, 0.001))}/s`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
