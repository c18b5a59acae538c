/** Four validators in processes of their own, started as a user starts them, in a directory of their own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { toHex } from '../../base/bytes.ts';
import { type DevnetFile, readDevnetFile, readStatus } from '../../devnet/index.ts';
import { readKeyFile } from '../../node/index.ts';
import { parseTrustStore, type TrustStore } from '../../receipt/index.ts';
import { repository, terminate } from '../child.ts';
import { BenchError } from '../errors.ts';
import { cpuMicros, rssMb } from '../process-stat.ts';
import type { NodeAddress } from './types.ts';

export interface BenchNetwork {
  readonly nodes: readonly NodeAddress[];
  readonly networkId: string;
  /** Seeds of the accounts that genesis gave money to, hex. */
  readonly funds: readonly string[];
  /** What the devnet pinned for the CLI beside it. */
  readonly trust: TrustStore;
  /** From the command to the first answer, all nodes being ready. */
  readonly firstRpcMs: number;
  /** From the command to a final block. */
  readonly firstBlockMs: number;
  /** Processor time of all nodes so far, in microseconds. */
  cpuMicros(): Promise<number>;
  /** Of the largest node. */
  rssMb(): Promise<number>;
  /** Transactions that wait at the node where most do. */
  mempool(): Promise<number>;
  /** Ends all processes; returns when they are gone. */
  stop(): Promise<void>;
}

const VALIDATORS = 4;
const POLL_MS = 5;
const START_MS_MAX = 60_000;
const GONE_MS_MAX = 20_000;
const STDERR_SHOWN = 2000;
const run = promisify(execFile);

/** Starts a devnet in `dir` with settings by path. `bench/child-failed` with its last words when it does not come up. */
export async function startBenchNetwork(
  dir: string,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<BenchNetwork> {
  signal.throwIfAborted();
  const start = performance.now();
  const sets = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const program = join(repository, 'bin', 'pyralog.mjs');
  const args = ['devnet', 'up', '--port', '0', '--validators', String(VALIDATORS), ...sets];
  const child = spawn(process.execPath, [program, ...args], {
    cwd: dir,
    env: environment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_SHOWN);
  });
  let pids: number[] = [];
  const stop = async () => {
    if (pids.length === 0) pids = await childrenOf(child);
    await terminate(child);
    await Promise.all(pids.map(untilGone));
  };
  const waiting: Waiting = { child, signal, last: () => stderr };
  try {
    const path = join(dir, '.pyralog', 'devnet.json');
    await until(() => existsSync(path), waiting);
    const file = readDevnetFile(path);
    if (file === undefined)
      throw new BenchError('bench/child-failed', `the devnet ended: ${stderr}`);
    pids = await childrenOf(child);
    if (pids.length !== VALIDATORS)
      throw new BenchError('bench/child-failed', `the devnet has ${pids.length} nodes`);
    await call(file.rpc, 'net_version', signal);
    const firstRpcMs = performance.now() - start;
    await until(
      async () => Number((await call(file.rpc, 'chain_head', signal))['height']) > 0,
      waiting,
    );
    const firstBlockMs = performance.now() - start;
    const trust = parseTrustStore(await readFile(join(dir, '.pyralog', 'trust.json'), 'utf8'));
    if (!trust.ok) throw new BenchError('bench/wrong-answer', trust.message);
    return { ...(await describe(file, pids)), trust: trust.value, firstRpcMs, firstBlockMs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function describe(file: DevnetFile, pids: readonly number[]) {
  return {
    networkId: file.networkId,
    nodes: file.nodes.map(({ rpc }) => {
      const { hostname: host, port } = new URL(rpc);
      return { host, port: Number(port) };
    }),
    funds: await Promise.all(file.accounts.map((account) => seedIn(account.file))),
    cpuMicros: async () => sum(await Promise.all(pids.map(cpuMicros))),
    rssMb: async () => Math.max(...(await Promise.all(pids.map(rssMb)))),
    mempool: async () => Math.max(...(await readStatus(file)).map(({ mempool }) => mempool)),
  };
}

async function seedIn(file: string): Promise<string> {
  return toHex((await readKeyFile(file)).seed);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Without settings of the caller's own node. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYRALOG_'));
  return Object.fromEntries(own);
}

async function call(
  url: string,
  method: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }),
    signal,
  });
  const { result } = (await answer.json()) as { result?: unknown };
  if (result === undefined) throw new BenchError('bench/wrong-answer', `${method} has no result`);
  return { ...(result as object) };
}

interface Waiting {
  readonly child: ChildProcess;
  readonly signal: AbortSignal;
  readonly last: () => string;
}

async function until(
  condition: () => boolean | Promise<boolean>,
  { child, signal, last }: Waiting,
): Promise<void> {
  const start = performance.now();
  for (; !(await condition()); await wait(POLL_MS, undefined, { signal })) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() - start > START_MS_MAX)
      throw new BenchError(
        'bench/child-failed',
        `the devnet ${ended ? 'ended' : 'is not ready yet'}: ${last()}`,
      );
  }
}

async function childrenOf({ pid }: ChildProcess): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}

/** A node that outlives its devnet is killed: nothing is left behind. */
async function untilGone(pid: number): Promise<void> {
  for (const start = performance.now(); isAlive(pid); await wait(POLL_MS))
    if (performance.now() - start > GONE_MS_MAX) process.kill(pid, 'SIGKILL');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: gone; it was our own, so nothing else can be meant
  }
}
