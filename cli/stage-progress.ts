import type { Context } from './context.ts';
import { bytesText } from './progress.ts';

const SILENT_MS = 1_000;
const TERMINAL_MS = 200;
const LINE_MS = 5_000;

/** How far work is that goes through stages. */
export interface Stage {
  readonly stage: string;
  readonly done: number;
  /** 0 when it is not known. */
  readonly total: number;
}

/** Says how far work is, on standard error, once it takes longer than a second (E4). */
export class StageProgress {
  readonly #context: Context;
  readonly #unit: 'bytes' | 'records';
  readonly #began = performance.now();
  #next = performance.now() + SILENT_MS;
  #shown = false;

  constructor(context: Context, unit: 'bytes' | 'records') {
    this.#context = context;
    this.#unit = unit;
  }

  show(now: Stage): void {
    const { isTerminal } = this.#context;
    if (performance.now() < this.#next) return;
    this.#next = performance.now() + (isTerminal ? TERMINAL_MS : LINE_MS);
    this.#shown = true;
    const seconds = (performance.now() - this.#began) / 1_000;
    const line = stageLine(now, this.#unit, seconds);
    if (isTerminal) process.stderr.write(`\r\u001b[K${line}`);
    else this.#context.note(line);
  }

  /** Clears the line. */
  end(): void {
    if (this.#shown && this.#context.isTerminal) process.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}

/** One line: how much of a stage is done, or how long all has taken when nobody knows how much there is to do. */
export function stageLine(
  { stage, done, total }: Stage,
  unit: 'bytes' | 'records',
  seconds: number,
): string {
  if (total === 0) return `pyralog: ${stage}, ${Math.floor(seconds)} s so far`;
  const amount = (count: number) => (unit === 'bytes' ? bytesText(count) : `${count} records`);
  return `pyralog: ${stage}: ${Math.floor((100 * done) / total)} %, ${amount(done)} of ${amount(total)}`;
}
