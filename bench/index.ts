/**
 * The figures this project is judged by, each beside the floor of the same run.
 *
 *     await runBench('log', { quick: false, signal, metric: console.log, progress: () => {} });
 *
 * Subjects and floors are measured by turns in short slices, so that a machine that is slow for a while is slow for both.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchError } from './errors.ts';
import { judge } from './judge.ts';
import type { Bench, BenchName, Metric } from './types.ts';

export { BenchError, type BenchErrorCode } from './errors.ts';
export { tableHead, tableRow } from './judge.ts';
export type { BenchName, Metric } from './types.ts';

export interface BenchOptions {
  /** A few seconds instead of a minute: shows that everything runs; the figures are worth little. */
  readonly quick: boolean;
  /** How long `store` watches its memory under a steady load; by default seconds. */
  readonly soakMinutes?: number;
  /** Where the data is written (in a folder of its own, removed afterwards); default `.pyralog/` of the repository. */
  readonly parent?: string;
  readonly signal: AbortSignal;
  /** Called with each metric as soon as it is known. */
  readonly metric: (metric: Metric) => void;
  readonly progress: (message: string) => void;
}

const BENCHES: Readonly<Record<BenchName, () => Promise<Bench>>> = {
  log: async () => (await import('./log.ts')).benchLog,
  notary: async () => (await import('./notary.ts')).benchNotary,
  state: async () => (await import('./state.ts')).benchState,
  consensus: async () => (await import('./consensus/index.ts')).benchConsensus,
  store: async () => (await import('./store/index.ts')).benchStore,
  cluster: async () => (await import('./cluster/index.ts')).benchCluster,
};

/**
 * Runs one bench, or all of them. Rejects with `bench/child-failed` or `bench/wrong-answer`; a missed bar is not an
 * error. Whatever happens, processes and files of the run are gone afterwards.
 */
export async function runBench(name: BenchName | 'all', options: BenchOptions): Promise<void> {
  for (const bench of name === 'all' ? benchNames() : [name]) await runOne(bench, options);
}

export function benchNames(): BenchName[] {
  return Object.keys(BENCHES) as BenchName[];
}

/** Reads a name from the command line; `bench/usage` when there is no such bench. */
export function benchNamed(text: string | undefined): BenchName | 'all' {
  const known = [...benchNames(), 'all' as const];
  const found = known.find((name) => name === text);
  if (found !== undefined) return found;
  const given = text === undefined ? 'no bench was named' : `there is no bench "${text}"`;
  throw new BenchError('bench/usage', `${given}: use ${known.join(', ')}`);
}

async function runOne(name: BenchName, options: BenchOptions): Promise<void> {
  const bench = await BENCHES[name]();
  const parent = options.parent ?? fileURLToPath(new URL('../.pyralog', import.meta.url));
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, 'bench-'));
  try {
    await bench({
      quick: options.quick,
      ...(options.soakMinutes === undefined ? {} : { soakMinutes: options.soakMinutes }),
      dir,
      signal: options.signal,
      progress: options.progress,
      figure: (figure) => options.metric(judge(name, figure, loadavg()[0] ?? 0)),
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
