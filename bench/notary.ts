/**
 * `notary`: a real node in a process of its own, loaded over WebSocket by another process. Processor time is counted
 * apart: `cpuPerOp` is the node's, the generator's has lines of its own.
 */
import { type LoadGenerator, type LoadResult, startLoadGenerator } from './load/index.ts';
import { buildNativeBench, runNativeBench } from './native-bench.ts';
import { type BenchNode, startBenchNode } from './node-process.ts';
import { cpuMicros, rssMb } from './process-stat.ts';
import { median } from './sample.ts';
import type { BenchContext } from './types.ts';
import { verifySamples } from './verify-samples.ts';

const CLIENTS = 256;
/** Few connections with full frames: what fills the pipe without a queue of its own. */
const PACKED = { clients: 2, inFlight: 2, digests: 8192 } as const;

/** Bytes of a packed proposal before its digests (batch.md B2), and of one SHA-256. */
const PROPOSAL_HEAD = 8;
const DIGEST_BYTES = 32;

interface Plan {
  readonly idleMs: number;
  readonly warmMs: number;
  readonly rounds: number;
  readonly roundMs: number;
}

const FULL: Plan = { idleMs: 10_000, warmMs: 2000, rounds: 4, roundMs: 2500 };
const QUICK: Plan = { idleMs: 300, warmMs: 200, rounds: 1, roundMs: 400 };

interface Bench extends BenchContext {
  readonly plan: Plan;
  readonly node: BenchNode;
  readonly load: LoadGenerator;
}

export async function benchNotary(context: BenchContext): Promise<void> {
  const { progress, figure, signal } = context;
  const plan = context.quick ? QUICK : FULL;
  await buildNativeBench(context);
  progress('starting a node, twice');
  const first = await startBenchNode(context.dir, signal);
  await first.stop();
  const node = await startBenchNode(context.dir, signal);
  const load = startLoadGenerator(signal);
  try {
    figure(plain('first RPC, first start', first.firstRpcMs, 'ms'));
    figure(plain('first RPC, second start', node.firstRpcMs, 'ms'));
    const bench = { ...context, plan, node, load };
    await measureRest(bench);
    await load.connect(node.host, node.port, CLIENTS);
    await measureUnloaded(bench);
    await measureCalls(bench);
    await measurePacked(bench);
    figure(plain('RSS after load', await rssMb(node.pid), 'MB'));
  } finally {
    await Promise.all([load.stop(), node.stop()]);
  }
}

async function measureRest({ node, plan, figure, progress, signal }: Bench): Promise<void> {
  figure(plain('RSS after start', await rssMb(node.pid), 'MB'));
  progress(`letting the node rest for ${plan.idleMs / 1000} s`);
  const cpu = await cpuMicros(node.pid);
  await rest(plan.idleMs, signal);
  const busy = ((await cpuMicros(node.pid)) - cpu) / (plan.idleMs * 10);
  figure(plain('RSS at rest', await rssMb(node.pid), 'MB'));
  figure(plain('processor at rest', busy, '%'));
}

async function measureUnloaded(bench: Bench): Promise<void> {
  bench.progress('one client');
  const ms = bench.plan.roundMs / 2;
  for (const call of ['durable', 'checkpoint'] as const) {
    const command = { kind: 'calls', call, clients: 1 } as const;
    await bench.load.run({ ...command, ms: bench.plan.warmMs });
    const run = await measured(bench, () => bench.load.run({ ...command, ms }));
    const name = call === 'durable' ? 'submit' : 'submit to checkpoint';
    bench.figure(latency(`${name} p50, 1 client`, run.p50Ms, run));
    bench.figure(latency(`${name} p99, 1 client`, run.p99Ms, run));
    if (call === 'checkpoint') await verifySamples(run.samples, bench.node.trust);
  }
}

/** Durable submissions, submissions that wait for a checkpoint, and the floor (a call that does nothing) by turns. */
async function measureCalls(bench: Bench): Promise<void> {
  const { plan, load, figure, progress } = bench;
  const runs: Record<'durable' | 'checkpoint' | 'version', Measured[]> = {
    durable: [],
    checkpoint: [],
    version: [],
  };
  const calls = ['durable', 'checkpoint', 'version'] as const;
  progress(`${CLIENTS} clients`);
  for (const call of calls)
    await load.run({ kind: 'calls', call, clients: CLIENTS, ms: plan.warmMs });
  for (let round = 0; round < plan.rounds; round++) {
    for (const call of calls) {
      const command = { kind: 'calls', call, clients: CLIENTS, ms: plan.roundMs } as const;
      runs[call].push(await measured(bench, () => load.run(command)));
    }
  }
  const floor = summary(runs.version);
  const durable = summary(runs.durable);
  const checkpoint = summary(runs.checkpoint);
  figure({
    ...plain('submit, 256 clients', durable.rate, 'receipts/s'),
    cpuPerOp: durable.cpuPerOp,
    floor: floor.rate,
  });
  figure({ ...latency('submit p50, 256 clients', durable.p50Ms, durable), floor: floor.p50Ms });
  figure({ ...latency('submit p99, 256 clients', durable.p99Ms, durable), floor: floor.p99Ms });
  figure(plain('submit, generator CPU', durable.loadCpuPerOp, 'us'));
  figure({
    ...plain('submit to checkpoint, 256 clients', checkpoint.rate, 'receipts/s'),
    cpuPerOp: checkpoint.cpuPerOp,
    floor: floor.rate,
  });
  figure({
    ...latency('submit to checkpoint p50, 256 clients', checkpoint.p50Ms, checkpoint),
    floor: floor.p50Ms,
  });
  figure({
    ...latency('submit to checkpoint p99, 256 clients', checkpoint.p99Ms, checkpoint),
    floor: floor.p99Ms,
  });
  for (const run of runs.checkpoint) await verifySamples(run.samples, bench.node.trust);
}

async function measurePacked(bench: Bench): Promise<void> {
  const { plan, load, figure, progress } = bench;
  progress(`packed frames of ${PACKED.digests} digests, ${PACKED.clients} connections`);
  const command = { kind: 'packed', ...PACKED } as const;
  await load.run({ ...command, ms: plan.warmMs });
  const runs: Measured[] = [];
  const floors: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    runs.push(await measured(bench, () => load.run({ ...command, ms: plan.roundMs })));
    floors.push(await packedFloor(bench));
  }
  const packed = summary(runs);
  const floor = median(floors);
  figure({
    ...plain('packed digests', packed.rate, 'digests/s'),
    cpuPerOp: packed.cpuPerOp,
    floor,
  });
  figure(latency('packed frame p50', packed.p50Ms, packed));
  figure(latency('packed frame p99', packed.p99Ms, packed));
  figure(plain('packed digests, generator CPU', packed.loadCpuPerOp, 'us'));
}

/** The same bytes through BLAKE3, write and fdatasync alone, with as many batches unanswered, in digests a second. */
async function packedFloor({ dir, signal }: Bench): Promise<number> {
  const { clients, inFlight, digests } = PACKED;
  const bytes = String(PROPOSAL_HEAD + digests * DIGEST_BYTES);
  let rate = 0;
  const args = ['--dir', dir, '--floor', bytes, '--in-flight', String(clients * inFlight)];
  await runNativeBench(args, signal, ({ value }) => {
    rate = value * digests;
  });
  return rate;
}

interface Measured extends LoadResult {
  readonly rate: number;
  /** Of the node, in microseconds. */
  readonly cpuPerOp: number;
  /** Of the generator, in microseconds. */
  readonly loadCpuPerOp: number;
}

async function measured(bench: Bench, run: () => Promise<LoadResult>): Promise<Measured> {
  const before = await cpuMicros(bench.node.pid);
  const result = await run();
  const used = (await cpuMicros(bench.node.pid)) - before;
  return {
    ...result,
    rate: result.count / result.seconds,
    cpuPerOp: used / result.count,
    loadCpuPerOp: result.cpuMicros / result.count,
  };
}

function summary(runs: readonly Measured[]) {
  const middle = (field: 'rate' | 'p50Ms' | 'p99Ms' | 'cpuPerOp' | 'loadCpuPerOp') =>
    median(runs.map((run) => run[field]));
  return {
    rate: middle('rate'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    cpuPerOp: middle('cpuPerOp'),
    loadCpuPerOp: middle('loadCpuPerOp'),
  };
}

function plain(metric: string, value: number, unit: string) {
  return { metric, value, unit, cpuPerOp: null, floor: null };
}

function latency(metric: string, ms: number, { cpuPerOp }: { cpuPerOp: number }) {
  return { metric, value: ms, unit: 'ms', cpuPerOp, floor: null };
}

/** The one fixed wait: how much a node uses when nothing happens is a matter of time. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted(); // an abort that came before is not told again
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
