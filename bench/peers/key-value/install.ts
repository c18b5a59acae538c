/** Key-value stores of others, installed once into the user's cache: none of them comes with the project. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exited } from '../../child.ts';
import type { BenchContext } from '../../types.ts';
import { peerDir } from '../cache.ts';

const PACKAGES = { lmdb: '3.5.6', rocksdb: '5.2.1' } as const;
/** Enough for a binding that brings binaries for this machine. One that would compile its whole store first is left out. */
const INSTALL_MS_MAX = 120_000;
const STDERR_KEPT = 4_000;
const LINE_MAX = 160;
const run = promisify(execFile);

/** Runs npm, and ends it with all that it started (compilers, too) when it takes too long or `signal` fires. */
async function install(what: string, cwd: string, signal: AbortSignal): Promise<void> {
  const args = ['install', '--no-audit', '--no-fund', what];
  const npm = spawn('npm', args, { cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  npm.stderr.setEncoding('utf8').on('data', (text: string) => {
    told = (told + text).slice(-STDERR_KEPT);
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(INSTALL_MS_MAX)]);
  const end = () => {
    // Its group: npm by itself leaves compilers running. An error means that all are gone.
    if (npm.pid !== undefined) killGroup(npm.pid);
  };
  limit.addEventListener('abort', end);
  try {
    const code = await exited(npm, 'npm');
    if (limit.aborted) throw new Error(`npm took longer than ${INSTALL_MS_MAX / 1000} s`);
    if (code !== 0) throw new Error(`npm install exited with ${code}: ${told.trim()}`);
  } finally {
    limit.removeEventListener('abort', end);
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** In one line, and what to do to have it tried again. */
function whyRefused(why: string, packages: string): string {
  const line = why.split('\n').find((text) => text.trim() !== '') ?? 'npm did not say why';
  return `${line.trim().slice(0, LINE_MAX)}; remove ${packages} to try again`;
}

/** Folder with the package in it, or why there is none. */
export async function findKeyValuePeer(
  name: keyof typeof PACKAGES,
  { quick, signal, progress }: BenchContext,
): Promise<{ readonly packages: string } | { readonly missing: string }> {
  const version = PACKAGES[name];
  const packages = peerDir(`${name}-${version}`);
  const refused = join(packages, 'refused');
  if (existsSync(refused))
    return { missing: whyRefused(await readFile(refused, 'utf8'), packages) };
  if (existsSync(join(packages, 'installed'))) return { packages };
  if (quick) return { missing: 'a run without --quick tries to, once' };
  progress(`installing ${name} ${version}, once`);
  await mkdir(packages, { recursive: true });
  await writeFile(join(packages, 'package.json'), '{ "private": true }\n');
  try {
    await install(`${name}@${version}`, packages, signal);
    await run(process.execPath, ['-e', `require('${name}')`], { cwd: packages, signal });
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    await writeFile(refused, why);
    return { missing: whyRefused(why, packages) };
  }
  await writeFile(join(packages, 'installed'), '');
  return { packages };
}
