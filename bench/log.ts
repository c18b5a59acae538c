/** `log`: the native log and its parts without Node (crate `bench`), then what is left of them through the facade. */
import { benchFacade } from './facade.ts';
import { buildNativeBench, runNativeBench } from './native-bench.ts';
import { benchProof } from './proof.ts';
import type { BenchContext, Figure } from './types.ts';

export async function benchLog(context: BenchContext): Promise<void> {
  const { quick, dir, signal, progress, figure } = context;
  await buildNativeBench(context);
  progress('measuring the native log');
  const args = ['--dir', dir, ...(quick ? ['--quick'] : [])];
  const measured = new Map<string, Figure>();
  await runNativeBench(args, signal, (one) => {
    measured.set(one.metric, one);
    figure(one);
  });
  progress('measuring through TypeScript');
  benchProof(context);
  await benchFacade(context, measured);
}
