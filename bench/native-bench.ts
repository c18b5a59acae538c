/** Crate `native/crates/bench`: built when it is needed, never with the node. */
import { join } from 'node:path';
import { repository, runLines } from './child.ts';
import { BenchError } from './errors.ts';
import type { BenchContext, Figure } from './types.ts';

export async function buildNativeBench({ signal, progress }: BenchContext): Promise<void> {
  progress('building the native bench');
  // `-p pyralog-bench` would choose other features of packages than the add-on, and compile most of them once more.
  const args = ['build', '--release', '--locked', '--quiet', '--workspace', '--bins'];
  await runLines({ command: 'cargo', args, cwd: join(repository, 'native') }, signal, progress);
}

/** Runs it and hands over each figure as it comes. */
export async function runNativeBench(
  args: readonly string[],
  signal: AbortSignal,
  take: (figure: Figure) => void,
): Promise<void> {
  await runLines({ command: nativeBench(), args }, signal, (line) => take(parseFigure(line)));
}

/** The binary that the build above makes. */
function nativeBench(): string {
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
