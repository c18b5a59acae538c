/** What is left of the native log when JavaScript asks it: the same batches and single appends through `native/index.ts`. */
import { join } from 'node:path';
import type { Core } from '../native/index.ts';
import { encodeProposal } from '../storage/index.ts';
import { openBenchCore } from './bench-core.ts';
import { BenchError } from './errors.ts';
import { median, quantile } from './sample.ts';
import type { BenchContext, Figure } from './types.ts';

const RECORDS = 1024;
const VALUE_BYTES = 100;
const IN_FLIGHT = 4;
const OUTCOME_BYTES = 40;

/** `native` holds what the native bench measured just before: the floor is that figure without Node. */
export async function benchFacade(
  context: BenchContext,
  native: ReadonlyMap<string, Figure>,
): Promise<void> {
  const core = await openBenchCore(join(context.dir, 'facade'));
  try {
    const floorOf = (metric: string) => native.get(metric)?.value ?? null;
    await benchBatches(core, context, floorOf);
    await benchSingles(core, context, floorOf);
  } finally {
    await core.close();
  }
}

type FloorOf = (metric: string) => number | null;

async function benchBatches(core: Core, context: BenchContext, floorOf: FloorOf): Promise<void> {
  const rounds = context.quick ? 2 : 9;
  const slice = context.quick ? 24 : 256;
  const rates: number[] = [];
  const cpu: number[] = [];
  const make = proposals();
  for (let round = 0; round <= rounds; round++) {
    context.signal.throwIfAborted();
    const batches = Array.from({ length: slice }, () => make(RECORDS));
    const used = process.cpuUsage();
    const start = performance.now();
    await proposeAll(core, batches);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    if (round === 0) continue;
    rates.push((slice * RECORDS) / seconds);
    cpu.push((user + system) / (slice * RECORDS));
  }
  const metric = `durable batch, ${IN_FLIGHT} in flight`;
  context.figure({
    metric: `TypeScript: ${metric}`,
    value: median(rates),
    unit: 'records/s',
    cpuPerOp: median(cpu),
    floor: floorOf(metric),
  });
}

async function benchSingles(core: Core, context: BenchContext, floorOf: FloorOf): Promise<void> {
  const count = context.quick ? 200 : 3000;
  const make = proposals();
  const batches = Array.from({ length: count }, () => make(1));
  const micros: number[] = [];
  for (const batch of batches) {
    const start = performance.now();
    await propose(core, batch, 1);
    micros.push((performance.now() - start) * 1000);
  }
  context.signal.throwIfAborted();
  for (const [name, q] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const)
    context.figure({
      metric: `TypeScript: single durable append ${name}`,
      value: quantile(micros.slice(count / 10), q),
      unit: 'us',
      cpuPerOp: null,
      floor: floorOf(`single durable append ${name}`),
    });
}

/** So many proposals are out at any time. */
async function proposeAll(core: Core, batches: Uint8Array[]): Promise<void> {
  const lane = async () => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop())
      await propose(core, batch, RECORDS);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function propose(core: Core, proposal: Uint8Array, records: number): Promise<void> {
  const { outcomes } = await core.propose(0, proposal, { wait: 'durable', paths: false });
  if (outcomes.length !== records * OUTCOME_BYTES || outcomes[0] !== 0)
    throw new BenchError('bench/wrong-answer', 'a new batch was not answered as new');
}

/** Makes proposals whose values are all different, also from those of other makers. */
function proposals(): (records: number) => Uint8Array {
  const maker = Math.random();
  let serial = 0;
  return (records) =>
    encodeProposal(
      Array.from({ length: records }, () => {
        const value = new Uint8Array(VALUE_BYTES);
        const view = new DataView(value.buffer);
        view.setFloat64(0, maker);
        view.setFloat64(8, serial++);
        return { schemaId: 0, value, submitter: '' };
      }),
    );
}
