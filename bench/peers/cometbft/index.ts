/** CometBFT beside Pyralog: four validators on this machine, the same load, the same rows. */
import { fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { terminate } from '../../child.ts';
import { latencies, measured, type Plan, plain } from '../../consensus/plan.ts';
import type { LoadResult } from '../../consensus/types.ts';
import { BenchError } from '../../errors.ts';
import { formatNumber } from '../../judge.ts';
import { askChild } from '../../load/ask.ts';
import type { BenchContext, Figure } from '../../types.ts';
import { findCometBft } from './install.ts';
import { startCometNetwork } from './network.ts';
import type { CometCommand } from './types.ts';

/** As many as Pyralog's accounts have out together. */
const IN_FLIGHT = 2048;

/**
 * Runs it and gives each figure as a row of its own. Answers what stands beside Pyralog's row of the same name; nothing
 * when CometBFT is not here.
 */
export async function benchCometBft(
  context: BenchContext & { readonly plan: Plan },
): Promise<ReadonlyMap<string, string>> {
  const { plan, signal, progress, figure } = context;
  const beside = new Map<string, string>();
  const found = await findCometBft(context);
  if ('missing' in found) {
    progress(`CometBFT skipped: ${found.missing}`);
    return beside;
  }
  const say = (one: Figure) => {
    beside.set(one.metric, `CometBFT ${formatNumber(one.value)}`);
    figure({ ...one, metric: `CometBFT: ${one.metric}` });
  };
  progress('starting four nodes of CometBFT');
  const dir = join(context.dir, 'cometbft');
  await mkdir(dir);
  const network = await startCometNetwork(found.program, dir, signal);
  const child = fork(fileURLToPath(new URL('load-main.ts', import.meta.url)), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const run = (command: CometCommand) =>
    measured(network.cpuMicros, async () => {
      const result = await askChild<LoadResult>(child, command, signal);
      if (result === null) throw new BenchError('bench/child-failed', 'no result of CometBFT');
      return result;
    });
  try {
    say(plain('devnet: first block', network.firstBlockMs, 'ms'));
    await askChild(child, { kind: 'open', ports: network.ports } satisfies CometCommand, signal);
    for (const perSecond of [100, 1500]) {
      await run({ kind: 'rate', perSecond, ms: plan.warmMs });
      progress(`CometBFT, ${formatNumber(perSecond)} transactions a second`);
      const at = await run({ kind: 'rate', perSecond, ms: plan.runMs });
      for (const one of latencies(`${formatNumber(perSecond)}/s`, at)) say(one);
    }
    progress('CometBFT, as many as it takes');
    await run({ kind: 'loop', inFlight: IN_FLIGHT, ms: plan.warmMs });
    const full = await run({ kind: 'loop', inFlight: IN_FLIGHT, ms: plan.runMs });
    say({ ...plain('saturated', full.rate, 'tx/s'), cpuPerOp: full.cpuPerOp });
    say(plain('processor a transaction, saturated', full.cpuPerOp / 1000, 'ms'));
    for (const one of latencies('saturated', full)) say(one);
    say(plain('RSS a node after load', await network.rssMb(), 'MB'));
  } finally {
    await Promise.all([terminate(child), network.stop()]);
  }
  return beside;
}
