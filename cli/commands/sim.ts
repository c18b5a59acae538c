import { availableParallelism } from 'node:os';
import { runBatch, type SimReport, simulate } from '../../devnet/sim/index.ts';
import { countArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';

export interface SimFlags {
  readonly seed?: string;
  readonly nodes?: string;
  readonly runs?: string;
  readonly workers?: string;
}

/** Between two lines of progress. */
const PROGRESS_RUNS = 100;

/** `pyralog sim`: simulated networks under faults (docs/spec/sim.md). Fails when a rule did not hold. */
export async function sim(context: Context, flags: SimFlags): Promise<number> {
  const seed = countArgument(flags.seed ?? '1', '--seed');
  const runs = countArgument(flags.runs ?? '1', '--runs');
  const nodes = nodesOf(flags);
  if (runs === 0) throw cliError('cli/usage', '--runs is at least 1');
  return runs === 1
    ? await one(context, await simulate({ seed, ...nodes }), nodes.nodes)
    : await many(context, { seed, runs, ...nodes }, flags.workers);
}

/** Fewer than four validators tolerate no liar; more than 32 take minutes a run. */
function nodesOf({ nodes }: SimFlags): { readonly nodes?: number } {
  if (nodes === undefined) return {};
  const count = countArgument(nodes, '--nodes');
  if (count >= 1 && count <= 32) return { nodes: count };
  throw cliError('cli/usage', `${nodes}: --nodes is 1 to 32`);
}

async function one(
  context: Context,
  report: SimReport,
  flagged: number | undefined,
): Promise<number> {
  const { seed, hash, heights, transactions, events, virtualMs, faults, violations } = report;
  context.print(`seed ${seed}: transcript ${hash}`);
  context.print(
    `${heights} blocks, ${transactions} transactions, ${events} events in ${seconds(virtualMs)} of virtual time`,
  );
  context.print(faultText(faults));
  explain(context, report, replayOf(report, flagged));
  context.answer(report);
  return violations.length === 0 ? EXIT.ok.code : EXIT.failed.code;
}

async function many(
  context: Context,
  batch: { readonly seed: number; readonly runs: number; readonly nodes?: number },
  workersFlag: string | undefined,
): Promise<number> {
  const began = performance.now();
  const workers =
    workersFlag === undefined ? availableParallelism() : countArgument(workersFlag, '--workers');
  let done = 0;
  const onRun = (report: SimReport) => {
    explain(context, report, replayOf(report, batch.nodes));
    if (++done % PROGRESS_RUNS === 0) context.note(`${done} of ${batch.runs} runs`);
  };
  const report = await runBatch({ ...batch, workers, onRun, signal: context.signal });
  const { runs, hash, heights, transactions, events, virtualMs, faults, failed } = report;
  context.print(`${runs} runs from seed ${batch.seed}: transcripts ${hash}`);
  context.print(
    `${heights} blocks, ${transactions} transactions, ${events} events in ${seconds(virtualMs)} of virtual time; took ${seconds(performance.now() - began)}`,
  );
  context.print(faultText(faults));
  context.print(failed.length === 0 ? 'every rule held' : `${failed.length} runs failed`);
  context.answer({ ...report, failed: failed.map(({ tail: _, ...rest }) => rest) });
  return failed.length === 0 ? EXIT.ok.code : EXIT.failed.code;
}

function explain(context: Context, { violations, tail }: SimReport, replay: string): void {
  if (violations.length === 0) return;
  for (const line of tail) context.note(line);
  for (const { rule, message } of violations) context.note(`${rule}: ${message}`);
  context.note(`again: ${replay}`);
}

function replayOf({ seed }: SimReport, nodes: number | undefined): string {
  return `npm run sim -- --seed ${seed}${nodes === undefined ? '' : ` --nodes ${nodes}`}`;
}

function faultText(faults: Readonly<Record<string, number>>): string {
  const parts = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  return `faults: ${parts.join(', ')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
