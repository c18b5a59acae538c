/** etcd beside a cluster of Pyralog: three members on this machine, the same clients and bytes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exited, terminate } from '../../child.ts';
import { BenchError } from '../../errors.ts';
import { freePorts } from '../../ports.ts';
import { cpuMicros } from '../../process-stat.ts';
import type { BenchContext } from '../../types.ts';
import { peerDir } from '../cache.ts';

export interface EtcdRun {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the three members together, in microseconds a put. */
  readonly cpuPerOp: number;
}

export interface Etcd {
  run(clients: number, ms: number): Promise<EtcdRun>;
  stop(): Promise<void>;
}

const VERSION = '3.7.3';
const MEMBERS = 3;
const HOST = '127.0.0.1';
const VALUE_BYTES = 100;
const START_MS_MAX = 30_000;
const POLL_MS = 50;
const here = fileURLToPath(new URL('.', import.meta.url));
const command = promisify(execFile);

/** Starts three members, or says why there are none: building etcd takes Go and its module proxy, once. */
export async function startEtcd(context: BenchContext): Promise<Etcd | { missing: string }> {
  const programs = await build(context);
  if ('missing' in programs) return programs;
  const { signal, dir, progress } = context;
  progress(`starting ${MEMBERS} members of etcd`);
  const ports = await freePorts(2 * MEMBERS);
  const url = (i: number) => `http://${HOST}:${ports[i]}`;
  const names = Array.from({ length: MEMBERS }, (_, i) => `m${i}`);
  const all = names.map((name, i) => `${name}=${url(MEMBERS + i)}`).join(',');
  const children = names.map((name, i) =>
    spawn(
      programs.etcd,
      [
        ['--name', name],
        ['--data-dir', join(dir, `etcd-${name}`)],
        ['--listen-client-urls', url(i)],
        ['--advertise-client-urls', url(i)],
        ['--listen-peer-urls', url(MEMBERS + i)],
        ['--initial-advertise-peer-urls', url(MEMBERS + i)],
        ['--initial-cluster', all],
        ['--log-level', 'error'],
      ].flat(),
      { stdio: 'ignore' },
    ),
  );
  const endpoints = names.map((_, i) => `${HOST}:${ports[i]}`).join(',');
  const load = spawn(programs.load, [endpoints], { stdio: ['pipe', 'pipe', 'inherit'] });
  const stop = async () => {
    await Promise.all([...children, load].map(terminate));
  };
  try {
    await healthy(
      names.map((_, i) => `${url(i)}/health`),
      children,
      signal,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const answers = createInterface({ input: load.stdout })[Symbol.asyncIterator]();
  const pids = children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  const cpu = async () => (await Promise.all(pids.map(cpuMicros))).reduce((a, b) => a + b);
  return {
    async run(clients, ms) {
      const before = await cpu();
      load.stdin.write(`${JSON.stringify({ clients, ms, bytes: VALUE_BYTES })}\n`);
      const line = await answers.next();
      if (line.done === true) throw new BenchError('bench/child-failed', 'the load of etcd ended');
      const result = JSON.parse(line.value) as Record<string, number>;
      const { count = 0, seconds = 1, p50Ms = 0, p99Ms = 0, failed = 0 } = result;
      if (failed > 0) throw new BenchError('bench/wrong-answer', `${failed} puts of etcd failed`);
      return { rate: count / seconds, p50Ms, p99Ms, cpuPerOp: ((await cpu()) - before) / count };
    },
    stop,
  };
}

async function build({ quick, progress, signal }: BenchContext) {
  const dir = peerDir(`etcd-${VERSION}`);
  const programs = { etcd: join(dir, 'etcd'), load: join(dir, 'etcd-load') };
  if (existsSync(programs.etcd) && existsSync(programs.load)) return programs;
  try {
    await command('go', ['version']);
  } catch {
    return { missing: 'needs Go' };
  }
  if (quick) return { missing: 'not built yet; a run without --quick builds it' };
  progress(`building etcd ${VERSION}, once`);
  // Built in a copy: Go must not change files of the repository.
  const source = join(dir, 'source');
  await mkdir(dir, { recursive: true });
  await cp(here, source, { recursive: true });
  for (const [out, what] of [
    [programs.etcd, 'go.etcd.io/etcd/server/v3'],
    [programs.load, './load'],
  ] as const) {
    const child = spawn('go', ['build', '-o', out, what], {
      cwd: source,
      stdio: ['ignore', 'ignore', 'inherit'],
      signal,
    });
    const code = await exited(child, 'go');
    if (code !== 0)
      throw new BenchError('bench/child-failed', `go build ${what} exited with ${code}`);
  }
  return programs;
}

async function healthy(
  urls: readonly string[],
  children: readonly ChildProcess[],
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + START_MS_MAX;
  for (const url of urls) {
    for (;;) {
      signal.throwIfAborted();
      const answer = await fetch(url, { signal }).catch(() => undefined);
      if (answer?.ok === true) break;
      if (performance.now() > until || children.some(({ exitCode }) => exitCode !== null)) {
        throw new BenchError('bench/child-failed', 'etcd did not become healthy');
      }
      await wait(POLL_MS);
    }
  }
}
