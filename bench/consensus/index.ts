/**
 * `consensus`: four validators in processes of their own on this machine, loaded over WebSocket by another process.
 *
 * Commit latency is measured at the client: from handing a transaction in to hearing that it is final. `cpuPerOp` is
 * that of all four nodes together; the generator's has lines of its own.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { benchCometBft } from '../peers/cometbft/index.ts';
import type { BenchContext, Figure } from '../types.ts';
import { measureDefault } from './default-mode.ts';
import { measureFast } from './fast-mode.ts';
import { FULL, QUICK } from './plan.ts';

export async function benchConsensus(context: BenchContext): Promise<void> {
  const plan = context.quick ? QUICK : FULL;
  const dirOf = async (name: string) => {
    const dir = join(context.dir, name);
    await mkdir(dir);
    return dir;
  };
  const beside = await benchCometBft({ ...context, plan });
  const figure = (one: Figure) => {
    const peer = beside.get(one.metric);
    context.figure(peer === undefined ? one : { ...one, peer });
  };
  await measureFast({ ...context, figure, plan, dirOf });
  // The second start of the run: the first one of a machine compiles every module.
  await measureDefault({ ...context, figure, plan, dirOf });
}
