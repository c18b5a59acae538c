/**
 * `cluster`: three members on this machine, durable on all, loaded over WebSocket by another process; etcd beside them
 * with as many clients. Processor time is that of all three members.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Devnet, startDevnet } from '../../devnet/index.ts';
import { parseTrustStore, type TrustStore } from '../../receipt/index.ts';
import { BenchError } from '../errors.ts';
import { type LoadGenerator, type LoadResult, startLoadGenerator } from '../load/index.ts';
import { buildNativeBench, runNativeBench } from '../native-bench.ts';
import { type Etcd, type EtcdRun, startEtcd } from '../peers/etcd/index.ts';
import { cpuMicros, rssMb } from '../process-stat.ts';
import { median } from '../sample.ts';
import type { BenchContext } from '../types.ts';
import { verifySamples } from '../verify-samples.ts';
import { roundTripFloorMs, syncFloorMs } from './floor.ts';

const MEMBERS = 3;
const CLIENTS = 256;
const PACKED = { clients: 2, inFlight: 2, digests: 8192 } as const;

interface Plan {
  readonly rounds: number;
  readonly roundMs: number;
  readonly idleMs: number;
  readonly floorRounds: number;
}

const FULL: Plan = { rounds: 4, roundMs: 3_000, idleMs: 10_000, floorRounds: 2_000 };
const QUICK: Plan = { rounds: 1, roundMs: 500, idleMs: 500, floorRounds: 100 };

interface Run extends LoadResult {
  readonly rate: number;
  readonly cpuPerOp: number;
}

export async function benchCluster(context: BenchContext): Promise<void> {
  const { progress, signal, dir } = context;
  const plan = context.quick ? QUICK : FULL;
  await buildNativeBench(context);
  progress('hundreds of groups that rest, and lose their leader');
  const quick = context.quick ? ['--quick'] : [];
  await runNativeBench(['--dir', dir, '--store', 'failover', ...quick], signal, context.figure);
  progress(`starting ${MEMBERS} members`);
  const devnet = await startDevnet({
    root: join(dir, '.pyralog'),
    fresh: true,
    validators: 1,
    cluster: MEMBERS,
    port: 0,
    // A node's own default, not the small files of a devnet.
    settings: { 'store.walFileMiB': '64' },
    signal,
    onFailure: (name, code, lines) => progress([`${name} ended (${code})`, ...lines].join('\n  ')),
  });
  const load = startLoadGenerator(signal);
  let etcd: Etcd | undefined;
  try {
    const started = await startEtcd(context);
    if ('missing' in started) progress(`etcd skipped: ${started.missing}`);
    else etcd = started;
    const bench = { ...context, plan, devnet, load, etcd };
    const leader = await findLeader(bench);
    await oneClient(bench, leader);
    await manyClients(bench, leader);
    await packed(bench, leader);
    await atRest(bench);
  } finally {
    devnet.stop();
    await Promise.all([load.stop(), etcd?.stop(), devnet.stopped]);
  }
}

interface Bench extends BenchContext {
  readonly plan: Plan;
  readonly devnet: Devnet;
  readonly load: LoadGenerator;
  readonly etcd: Etcd | undefined;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The member that answers soonest: any other hands calls on. */
async function findLeader({ devnet, load }: Bench): Promise<Address> {
  let best: { address: Address; p50Ms: number } | undefined;
  for (const node of devnet.nodes()) {
    const { address } = node.ready ?? {};
    if (address === undefined) throw new BenchError('bench/child-failed', `${node.name} is not up`);
    await load.connect(address.host, address.port, 1);
    await load.run({ kind: 'calls', call: 'durable', clients: 1, ms: 300 });
    const { p50Ms } = await load.run({ kind: 'calls', call: 'durable', clients: 1, ms: 500 });
    if (best === undefined || p50Ms < best.p50Ms) best = { address, p50Ms };
  }
  if (best === undefined) throw new BenchError('bench/child-failed', 'no member came up');
  return best.address;
}

async function oneClient(bench: Bench, leader: Address): Promise<void> {
  const { plan, load, etcd, dir, progress, figure } = bench;
  progress('one client');
  await load.connect(leader.host, leader.port, 1);
  const sync = syncFloorMs(dir, plan.floorRounds);
  const roundTrip = await roundTripFloorMs(plan.floorRounds);
  figure(plain('fdatasync p50', sync, 'ms'));
  figure(plain('loopback round trip p50', roundTrip, 'ms'));
  const runs: Run[] = [];
  const puts: EtcdRun[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const command = { kind: 'calls', call: 'durable', clients: 1, ms: plan.roundMs / 2 } as const;
    runs.push(await measured(bench, () => load.run(command)));
    const put = await etcd?.run(1, plan.roundMs / 2);
    if (put !== undefined) puts.push(put);
  }
  const own = median(runs.map(({ p50Ms }) => p50Ms));
  figure({
    ...plain('submit p50, 1 client', own, 'ms'),
    cpuPerOp: median(runs.map(({ cpuPerOp }) => cpuPerOp)),
    floor: 2 * sync + 2 * roundTrip,
    ...beside(puts, ({ p50Ms }) => p50Ms, 'ms'),
  });
  if (puts.length > 0) {
    const etcdMs = median(puts.map(({ p50Ms }) => p50Ms));
    figure({ ...plain('submit p50, 1 client, to etcd', own / etcdMs, 'x'), floor: null });
  }
}

async function manyClients(bench: Bench, leader: Address): Promise<void> {
  const { plan, load, etcd, progress, figure } = bench;
  progress(`${CLIENTS} clients`);
  await load.connect(leader.host, leader.port, CLIENTS);
  const command = { kind: 'calls', clients: CLIENTS, ms: plan.roundMs } as const;
  await load.run({ ...command, call: 'durable', ms: plan.roundMs / 2 });
  const runs: Record<'durable' | 'checkpoint' | 'version', Run[]> = {
    durable: [],
    checkpoint: [],
    version: [],
  };
  const puts: EtcdRun[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const call of ['durable', 'checkpoint', 'version'] as const) {
      runs[call].push(await measured(bench, () => load.run({ ...command, call })));
    }
    const put = await etcd?.run(CLIENTS, plan.roundMs);
    if (put !== undefined) puts.push(put);
  }
  const floor = middle(runs.version);
  const durable = middle(runs.durable);
  const checkpoint = middle(runs.checkpoint);
  figure({
    ...plain('submit, 256 clients', durable.rate, 'receipts/s'),
    cpuPerOp: durable.cpuPerOp,
    floor: floor.rate,
    ...beside(puts, ({ rate }) => rate, '/s'),
  });
  figure({
    ...plain('submit p50, 256 clients', durable.p50Ms, 'ms'),
    floor: floor.p50Ms,
    ...beside(puts, ({ p50Ms }) => p50Ms, 'ms'),
  });
  figure({
    ...plain('submit p99, 256 clients', durable.p99Ms, 'ms'),
    floor: floor.p99Ms,
    ...beside(puts, ({ p99Ms }) => p99Ms, 'ms'),
  });
  figure({
    ...plain('submit to checkpoint, 256 clients', checkpoint.rate, 'receipts/s'),
    cpuPerOp: checkpoint.cpuPerOp,
  });
  figure(plain('submit to checkpoint p50, 256 clients', checkpoint.p50Ms, 'ms'));
  if (puts.length > 0) {
    const etcdCpu = median(puts.map(({ cpuPerOp }) => cpuPerOp));
    figure({
      ...plain('processor a write over three, to etcd', durable.cpuPerOp / etcdCpu, 'x'),
      peer: `etcd ${etcdCpu.toFixed(0)} us`,
    });
  }
  const trust = trustOf(bench.devnet);
  for (const run of runs.checkpoint) await verifySamples(run.samples, trust);
}

async function packed(bench: Bench, leader: Address): Promise<void> {
  const { plan, load, progress, figure } = bench;
  progress(`packed frames of ${PACKED.digests} digests`);
  await load.connect(leader.host, leader.port, PACKED.clients);
  const command = { kind: 'packed', ...PACKED } as const;
  await load.run({ ...command, ms: plan.roundMs / 2 });
  const runs: Run[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    runs.push(await measured(bench, () => load.run({ ...command, ms: plan.roundMs })));
  }
  const { rate, cpuPerOp, p50Ms } = middle(runs);
  figure({ ...plain('packed digests, on three', rate, 'digests/s'), cpuPerOp });
  figure(plain('packed frame p50, on three', p50Ms, 'ms'));
}

async function atRest({ devnet, plan, progress, figure }: Bench): Promise<void> {
  progress('letting the members rest');
  const pids = pidsOf(devnet);
  figure(plain('RSS a member after load', Math.max(...(await Promise.all(pids.map(rssMb)))), 'MB'));
  const before = await cpuOf(pids);
  await new Promise((done) => setTimeout(done, plan.idleMs));
  const share = ((await cpuOf(pids)) - before) / pids.length / (plan.idleMs * 10);
  figure(plain('processor a member at rest', share, '%'));
}

async function measured(bench: Bench, run: () => Promise<LoadResult>): Promise<Run> {
  const pids = pidsOf(bench.devnet);
  const before = await cpuOf(pids);
  const result = await run();
  const used = (await cpuOf(pids)) - before;
  return { ...result, rate: result.count / result.seconds, cpuPerOp: used / result.count };
}

function pidsOf(devnet: Devnet): number[] {
  return devnet.nodes().map(({ pid }) => pid);
}

async function cpuOf(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(cpuMicros))).reduce((sum, one) => sum + one, 0);
}

function middle(runs: readonly Run[]) {
  const of = (field: 'rate' | 'p50Ms' | 'p99Ms' | 'cpuPerOp') =>
    median(runs.map((run) => run[field]));
  return { rate: of('rate'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms'), cpuPerOp: of('cpuPerOp') };
}

function beside(puts: readonly EtcdRun[], of: (put: EtcdRun) => number, unit: string) {
  if (puts.length === 0) return {};
  const value = median(puts.map(of));
  return { peer: `etcd ${unit === '/s' ? value.toFixed(0) : value.toFixed(2)} ${unit}` };
}

function plain(metric: string, value: number, unit: string) {
  return { metric, value, unit, cpuPerOp: null, floor: null };
}

function trustOf({ paths }: Devnet): TrustStore {
  const parsed = parseTrustStore(readFileSync(paths.trust, 'utf8'));
  if (!parsed.ok) throw new BenchError('bench/wrong-answer', parsed.message);
  return parsed.value;
}
