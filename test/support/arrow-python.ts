/**
 * A Python with the libraries of others that read our files, for the tests that hold them equal to ours. Nothing else needs
 * it: `node test/support/arrow-python.ts` installs it once, into the user's cache.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { peerDir } from '../../bench/peers/cache.ts';

const PACKAGES = ['pyarrow==26.0.1', 'duckdb==2.0.0'];
const DIR = peerDir('arrow-python');

/** What makes the libraries be found. */
export const INSTALL = 'node test/support/arrow-python.ts';

/** A Python that has these modules: the one of {@link INSTALL}, else the system's. */
export function pythonWith(modules: readonly string[]): string | undefined {
  const installed = join(DIR, 'bin', 'python3');
  const known = existsSync(installed) ? [installed, 'python3'] : ['python3'];
  return known.find(
    (python) => spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0,
  );
}

function install(): void {
  mkdirSync(DIR, { recursive: true });
  const run = (program: string, args: string[]) => {
    const { status } = spawnSync(program, args, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
  };
  run('python3', ['-m', 'venv', DIR]);
  run(join(DIR, 'bin', 'python3'), ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
}

if (import.meta.main) install();
