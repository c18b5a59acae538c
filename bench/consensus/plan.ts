/** How long each part of `consensus` takes. */
import type { BenchContext, Figure } from '../types.ts';
import type { LoadResult } from './types.ts';

export interface Plan {
  readonly idleMs: number;
  readonly warmMs: number;
  readonly runMs: number;
  /** Rounds with and without a flood of calls, by turns. */
  readonly turns: number;
  readonly turnMs: number;
  /** Offered for "sustained": a little more than the bar, because the rate counts until the last one is final. */
  readonly sustainedPerSecond: number;
}

export const FULL: Plan = {
  idleMs: 8000,
  warmMs: 3000,
  runMs: 12_000,
  turns: 3,
  turnMs: 4000,
  sustainedPerSecond: 3200,
};

export const QUICK: Plan = {
  idleMs: 200,
  warmMs: 300,
  runMs: 700,
  turns: 1,
  turnMs: 500,
  sustainedPerSecond: 600,
};

export interface ConsensusContext extends BenchContext {
  readonly plan: Plan;
  /** Makes a directory of that name for one network. */
  readonly dirOf: (name: string) => Promise<string>;
}

export function plain(metric: string, value: number, unit: string): Figure {
  return { metric, value, unit, cpuPerOp: null, floor: null };
}

export interface Measured extends LoadResult {
  /** Of the measured processes together, in microseconds a transaction. */
  readonly cpuPerOp: number;
  readonly rate: number;
}

/** Runs a load and takes the processor time of the measured processes with it. */
export async function measured(
  cpuMicros: () => Promise<number>,
  load: () => Promise<LoadResult>,
): Promise<Measured> {
  const before = await cpuMicros();
  const result = await load();
  const used = (await cpuMicros()) - before;
  return { ...result, cpuPerOp: used / result.count, rate: result.count / result.seconds };
}

export function latencies(name: string, run: Measured): Figure[] {
  const of = (value: number) => ({ unit: 'ms', value, cpuPerOp: run.cpuPerOp, floor: null });
  return [
    { metric: `commit p50, ${name}`, ...of(run.p50Ms) },
    { metric: `commit p99, ${name}`, ...of(run.p99Ms) },
  ];
}
