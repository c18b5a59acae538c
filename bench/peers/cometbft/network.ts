/** Four CometBFT validators on this machine, set for speed as far as its settings go. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { terminate } from '../../child.ts';
import { BenchError } from '../../errors.ts';
import { freePorts } from '../../ports.ts';
import { cpuMicros, rssMb } from '../../process-stat.ts';

export interface CometNetwork {
  readonly ports: readonly number[];
  /** From the start of the four processes. */
  readonly firstBlockMs: number;
  cpuMicros(): Promise<number>;
  /** Of the largest node. */
  rssMb(): Promise<number>;
  stop(): Promise<void>;
}

const VALIDATORS = 4;
const HOST = '127.0.0.1';
const POLL_MS = 20;
const START_MS_MAX = 60_000;
const run = promisify(execFile);

/** Makes keys and genesis in `dir` and starts the nodes. `bench/child-failed` when they make no block. */
export async function startCometNetwork(
  program: string,
  dir: string,
  signal: AbortSignal,
): Promise<CometNetwork> {
  signal.throwIfAborted();
  const flags = ['--v', String(VALIDATORS), '--o', dir, '--populate-persistent-peers=false'];
  await run(program, ['testnet', ...flags], { signal });
  const homes = Array.from({ length: VALIDATORS }, (_, i) => join(dir, `node${i}`));
  const ports = await freePorts(2 * VALIDATORS);
  const rpc = ports.slice(0, VALIDATORS);
  const p2p = ports.slice(VALIDATORS);
  const ids = await Promise.all(
    homes.map(async (home) => (await run(program, ['show-node-id', '--home', home])).stdout.trim()),
  );
  for (const [i, home] of homes.entries()) {
    const peers = ids.flatMap((id, j) => (j === i ? [] : [`${id}@${HOST}:${p2p[j]}`]));
    await configure(join(home, 'config', 'config.toml'), { rpc: rpc[i], p2p: p2p[i], peers });
  }
  const start = performance.now();
  const children = homes.map((home) =>
    spawn(program, ['node', '--home', home, '--proxy_app', 'kvstore', '--log_level', 'error'], {
      stdio: 'ignore',
    }),
  );
  const stop = async () => {
    await Promise.all(children.map(terminate));
  };
  try {
    await firstBlock(rpc[0] ?? 0, children, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  const pids = children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  return {
    ports: rpc,
    firstBlockMs: performance.now() - start,
    cpuMicros: async () => (await Promise.all(pids.map(cpuMicros))).reduce((sum, one) => sum + one),
    rssMb: async () => Math.max(...(await Promise.all(pids.map(rssMb)))),
    stop,
  };
}

async function configure(
  path: string,
  { rpc, p2p, peers }: { rpc: number | undefined; p2p: number | undefined; peers: string[] },
): Promise<void> {
  const settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    rpc: { laddr: `"tcp://${HOST}:${rpc}"`, pprof_laddr: '""' },
    p2p: {
      laddr: `"tcp://${HOST}:${p2p}"`,
      persistent_peers: `"${peers.join(',')}"`,
      allow_duplicate_ip: 'true',
      addr_book_strict: 'false',
      flush_throttle_timeout: '"1ms"',
    },
    consensus: { timeout_commit: '"0s"', peer_gossip_sleep_duration: '"5ms"' },
  };
  let section = '';
  const seen = new Set<string>();
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => {
    section = /^\[(\w+)\]/.exec(line)?.[1] ?? section;
    const name = /^(\w+) =/.exec(line)?.[1] ?? '';
    const value = settings[section]?.[name];
    if (value === undefined) return line;
    seen.add(`${section}.${name}`);
    return `${name} = ${value}`;
  });
  const wanted = Object.entries(settings).flatMap(([s, names]) =>
    Object.keys(names).map((name) => `${s}.${name}`),
  );
  const missing = wanted.filter((name) => !seen.has(name));
  if (missing.length > 0)
    throw new BenchError('bench/child-failed', `CometBFT has no setting ${missing.join(', ')}`);
  await writeFile(path, lines.join('\n'));
}

async function firstBlock(
  port: number,
  children: readonly ChildProcess[],
  signal: AbortSignal,
): Promise<void> {
  for (const start = performance.now(); ; await wait(POLL_MS, undefined, { signal })) {
    if ((await heightAt(port, signal)) > 0) return;
    const ended = children.some((child) => child.exitCode !== null || child.signalCode !== null);
    if (ended || performance.now() - start > START_MS_MAX)
      throw new BenchError('bench/child-failed', 'CometBFT makes no blocks');
  }
}

/** 0 while it does not answer. */
async function heightAt(port: number, signal: AbortSignal): Promise<number> {
  try {
    const answer = await fetch(`http://${HOST}:${port}/status`, { signal });
    const { result } = (await answer.json()) as {
      result?: { sync_info?: { latest_block_height?: string } };
    };
    return Number(result?.sync_info?.latest_block_height ?? 0);
  } catch {
    signal.throwIfAborted();
    return 0; // it does not listen yet
  }
}

/** Ports that are free now, all different. */
