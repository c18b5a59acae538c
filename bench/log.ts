/** `log`: the native log and its parts without Node (crate `bench`), then what is left of them through the facade. */
import { join } from 'node:path';
import { repository, runLines } from './child.ts';
import { BenchError } from './errors.ts';
import { benchFacade } from './facade.ts';
import { benchProof } from './proof.ts';
import type { BenchContext, Figure } from './types.ts';

export async function benchLog(context: BenchContext): Promise<void> {
  const { quick, dir, signal, progress, figure } = context;
  progress('building the native bench');
  const build = ['build', '--release', '--locked', '--quiet', '-p', 'pyralog-bench'];
  const native = join(repository, 'native');
  await runLines({ command: 'cargo', args: build, cwd: native }, signal, progress);
  progress('measuring the native log');
  const args = ['--dir', dir, ...(quick ? ['--quick'] : [])];
  const measured = new Map<string, Figure>();
  await runLines({ command: nativeBench(), args }, signal, (line) => {
    const one = parseFigure(line);
    measured.set(one.metric, one);
    figure(one);
  });
  progress('measuring through TypeScript');
  benchProof(context);
  await benchFacade(context, measured);
}

/** The binary that `cargo build --release -p pyralog-bench` makes. */
export function nativeBench(): string {
  const target = process.env['CARGO_TARGET_DIR'] ?? join(repository, 'native', 'target');
  return join(
    target,
    'release',
    process.platform === 'win32' ? 'pyralog-bench.exe' : 'pyralog-bench',
  );
}

function parseFigure(line: string): Figure {
  const { metric, value, unit, cpuPerOp, floor } = JSON.parse(line) as Partial<Figure>;
  if (metric === undefined || value === undefined || unit === undefined)
    throw new BenchError('bench/child-failed', `the native bench printed no figure: ${line}`);
  return { metric, value, unit, cpuPerOp: cpuPerOp ?? null, floor: floor ?? null };
}
