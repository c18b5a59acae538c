/** What a bench measures and what becomes of it. */

/** One measured figure, before it is judged. */
export interface Figure {
  /** Name under which its bar is kept (bars.ts). */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Processor time of the measured process an operation, in microseconds. */
  readonly cpuPerOp: number | null;
  /** The same figure for the floor of the same run: the least that could do the same work. */
  readonly floor: number | null;
  /** What a peer reached in the same run, in words; absent = what bars.ts says. */
  readonly peer?: string;
}

/** What a figure is held against. */
export type Bar =
  | { readonly atLeast: number }
  | { readonly atMost: number }
  /** As a share of the figure's own floor. */
  | { readonly atLeastOfFloor: number }
  | { readonly atMostOfFloor: number };

/** A judged figure: one line of output. */
export interface Metric extends Omit<Figure, 'peer'> {
  readonly bench: BenchName;
  /** What others reach on such a machine, or null. */
  readonly peer: string | null;
  /** The bar in words, or null where there is none. */
  readonly bar: string | null;
  /** Whether the bar is met; null where there is none. */
  readonly met: boolean | null;
  /** 1-minute load average when the figure was taken: a shared machine explains a bad one. */
  readonly load: number;
}

export type BenchName = 'log' | 'notary' | 'state' | 'consensus' | 'store' | 'cluster';

/** What every bench is given. */
export interface BenchContext {
  /** A few seconds instead of a minute: shows that everything runs; the figures are worth little. */
  readonly quick: boolean;
  /** How long memory is watched under a steady load; absent = as long as the bench does by itself. */
  readonly soakMinutes?: number;
  /** An empty directory on the disk to be measured; removed afterwards. */
  readonly dir: string;
  /** Fires on Ctrl-C: the bench rejects at once and leaves no process behind. */
  readonly signal: AbortSignal;
  readonly figure: (figure: Figure) => void;
  readonly progress: (message: string) => void;
}

export type Bench = (context: BenchContext) => Promise<void>;
