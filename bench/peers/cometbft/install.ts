/** CometBFT as its authors publish it: a Go module, built once into the user's cache. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exited } from '../../child.ts';
import { BenchError } from '../../errors.ts';
import type { BenchContext } from '../../types.ts';
import { peerDir } from '../cache.ts';

const VERSION = 'v0.40.0';
const MODULE = `github.com/cometbft/cometbft/cmd/cometbft@${VERSION}`;
const run = promisify(execFile);

/** Path of the program, or why there is none: building it takes Go, the Go module proxy, and some minutes once. */
export async function findCometBft({
  quick,
  signal,
  progress,
}: BenchContext): Promise<{ readonly program: string } | { readonly missing: string }> {
  const dir = peerDir(`cometbft-${VERSION}`);
  const program = join(dir, process.platform === 'win32' ? 'cometbft.exe' : 'cometbft');
  if (existsSync(program)) return { program };
  if (!(await hasGo())) return { missing: 'needs Go' };
  if (quick) return { missing: 'not built yet; a run without --quick builds it' };
  progress(`building CometBFT ${VERSION}, once`);
  await mkdir(dir, { recursive: true });
  const child = spawn('go', ['install', MODULE], {
    env: { ...process.env, GOBIN: dir },
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
  });
  const code = await exited(child, 'go');
  if (code !== 0 || !existsSync(program))
    throw new BenchError('bench/child-failed', `go install ${MODULE} exited with ${code}`);
  return { program };
}

async function hasGo(): Promise<boolean> {
  try {
    await run('go', ['version']);
    return true;
  } catch {
    return false; // not installed, or not usable: the peer is left out either way
  }
}
