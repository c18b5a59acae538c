/** A real node for the load: what `npm run devnet` starts, in a directory of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseTrustStore, type TrustStore } from '../receipt/index.ts';
import { repository, terminate } from './child.ts';
import { BenchError } from './errors.ts';

export interface BenchNode {
  /** The node's own process, a child of the devnet's. */
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** From the command to the first answer. */
  readonly firstRpcMs: number;
  /** What the devnet pinned for the CLI beside it. */
  readonly trust: TrustStore;
  /** Drains it and waits until both processes are gone. */
  stop(): Promise<void>;
}

/** A devnet's log files are small, for a fast start; a node's own default is what is measured. */
const AS_A_NODE = ['--set', 'store.walFileMiB=64'];
const POLL_MS = 5;
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const STDERR_SHOWN = 2000;
const run = promisify(execFile);

/** Starts a devnet of one node in `dir`. `bench/child-failed` with its last words when it does not come up. */
export async function startBenchNode(dir: string, signal: AbortSignal): Promise<BenchNode> {
  signal.throwIfAborted();
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [join(repository, 'bin', 'pyralog.mjs'), 'devnet', 'up', '--validators', '1', ...AS_A_NODE],
    {
      cwd: dir,
      env: environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_SHOWN);
  });
  let pid: number | undefined;
  const stop = async () => {
    pid ??= await childOf(child);
    await terminate(child);
    if (pid !== undefined) await untilGone(pid);
  };
  try {
    const file = join(dir, '.pyralog', 'devnet.json');
    await until(() => existsSync(file), { child, signal, last: () => stderr });
    const { rpc } = JSON.parse(await readFile(file, 'utf8')) as { rpc: string };
    await firstAnswer(rpc, signal);
    const firstRpcMs = performance.now() - start;
    pid = await childOf(child);
    if (pid === undefined) throw new BenchError('bench/child-failed', 'the devnet has no node');
    const trust = parseTrustStore(await readFile(join(dir, '.pyralog', 'trust.json'), 'utf8'));
    if (!trust.ok) throw new BenchError('bench/wrong-answer', trust.message);
    const { hostname: host, port } = new URL(rpc);
    return { pid, host, port: Number(port), firstRpcMs, trust: trust.value, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Without settings of the caller's own node. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYRALOG_'));
  return Object.fromEntries(own);
}

async function firstAnswer(url: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'net_version', params: {} }),
    signal,
  });
  const { result } = (await answer.json()) as { result?: unknown };
  if (typeof result !== 'string')
    throw new BenchError('bench/wrong-answer', 'the node did not say its network id');
}

interface Waiting {
  readonly child: ChildProcess;
  readonly signal: AbortSignal;
  readonly last: () => string;
}

async function until(condition: () => boolean, { child, signal, last }: Waiting): Promise<void> {
  for (const start = performance.now(); !condition(); await wait(POLL_MS, undefined, { signal })) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() - start > START_MS_MAX)
      throw new BenchError(
        'bench/child-failed',
        `the devnet ${ended ? 'ended' : 'is not ready yet'}: ${last()}`,
      );
  }
}

/** The node is the devnet's only child. */
async function childOf({ pid }: ChildProcess): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.find(([, parent]) => parent === pid)?.[0];
}

/** A node that outlives its devnet is killed: nothing is left behind. */
async function untilGone(pid: number): Promise<void> {
  for (const start = performance.now(); isAlive(pid); await wait(POLL_MS))
    if (performance.now() - start > STOP_MS_MAX) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: gone; it was our own, so nothing else can be meant
  }
}
