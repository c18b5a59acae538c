/** Key-value stores of others, installed once into the user's cache: none of them comes with the project. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchContext } from '../../types.ts';
import { peerDir } from '../cache.ts';

const PACKAGES = { lmdb: '3.5.6', rocksdb: '5.2.1' } as const;
/** A binding without binaries for this machine compiles its whole store. */
const INSTALL_MS_MAX = 900_000;
const run = promisify(execFile);

/** Folder with the package in it, or why there is none. */
export async function findKeyValuePeer(
  name: keyof typeof PACKAGES,
  { quick, signal, progress }: BenchContext,
): Promise<{ readonly packages: string } | { readonly missing: string }> {
  const version = PACKAGES[name];
  const packages = peerDir(`${name}-${version}`);
  const refused = join(packages, 'refused');
  if (existsSync(refused)) return { missing: `${name} ${version} does not install here` };
  if (existsSync(join(packages, 'installed'))) return { packages };
  if (quick) return { missing: 'not installed yet; a run without --quick installs it' };
  progress(`installing ${name} ${version}, once`);
  await mkdir(packages, { recursive: true });
  await writeFile(join(packages, 'package.json'), '{ "private": true }\n');
  try {
    await run('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: packages,
      signal,
      timeout: INSTALL_MS_MAX,
    });
    await run(process.execPath, ['-e', `require('${name}')`], { cwd: packages, signal });
  } catch (error) {
    signal.throwIfAborted();
    await writeFile(refused, error instanceof Error ? error.message : String(error));
    return { missing: `${name} ${version} does not install here` };
  }
  await writeFile(join(packages, 'installed'), '');
  return { packages };
}
