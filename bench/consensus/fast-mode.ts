/** What agreement costs when nothing waits on purpose: preset `fast`, no least time between blocks. */
import { startLoadGenerator } from '../load/index.ts';
import { median } from '../sample.ts';
import { type ChainLoad, startChainLoad } from './generator.ts';
import { type BenchNetwork, startBenchNetwork } from './network.ts';
import { type ConsensusContext, latencies, type Measured, measured, plain } from './plan.ts';
import type { LoopCommand, RateCommand, Via } from './types.ts';

const SETTINGS = { 'consensus.preset': 'fast', 'consensus.blockIntervalMs': '0' } as const;
/** A quarter of them fill a node's mempool before one has more waiting than an account may (X17, X19). */
const LANES = 128;
/** In the loop each account has so many out: 2,048 in all. */
const BURST = 16;
/** No machine that this runs on does more: what is signed ahead for a loop. */
const LOOP_PER_SECOND_MAX = 8000;
/** Connections of the flood: enough that the thread which answers never waits. */
const FLOOD_CLIENTS = 32;
const MEMPOOL_LOOK_MS = 500;

interface Fast extends ConsensusContext {
  readonly network: BenchNetwork;
  readonly load: ChainLoad;
}

export async function measureFast(context: ConsensusContext): Promise<void> {
  const { signal, progress, figure, plan } = context;
  progress('starting four nodes, preset fast');
  const network = await startBenchNetwork(await context.dirOf('fast'), SETTINGS, signal);
  const load = startChainLoad(signal);
  const fast = { ...context, network, load };
  try {
    const { nodes, networkId, funds } = network;
    await load.open({ nodes, networkId, funds, lanes: LANES });
    await atRate(fast, { via: 'json', perSecond: 100, ms: plan.warmMs });
    await measureRates(fast);
    await measureFlooded(fast);
    const saturated = await measureSaturation(fast);
    await measureOverload(fast, saturated);
    figure(plain('RSS a node after load', await network.rssMb(), 'MB'));
  } finally {
    await Promise.all([load.stop(), network.stop()]);
  }
}

interface Offer {
  readonly via: Via;
  readonly perSecond: number;
  readonly ms: number;
  readonly firstNode?: number;
}

async function atRate({ network, load }: Fast, offer: Offer): Promise<Measured> {
  const command: RateCommand = { kind: 'rate', firstNode: 0, ...offer };
  const share = network.nodes.length / (network.nodes.length - command.firstNode);
  // Two more an account: one for the remainder, one to close with.
  await load.sign(share * ((offer.perSecond * offer.ms) / 1000) + 2 * LANES);
  return measured(network.cpuMicros, () => load.run(command));
}

async function measureRates(fast: Fast): Promise<void> {
  const { plan, figure, progress } = fast;
  progress('100 transactions a second');
  const slow = await atRate(fast, { via: 'json', perSecond: 100, ms: plan.runMs });
  figure(plain('bytes a transaction', slow.bytes, 'bytes'));
  for (const one of latencies('100/s', slow)) figure(one);
  progress('1,500 transactions a second');
  // The warm-up at a fifteenth of it has compiled little of what this runs.
  await atRate(fast, { via: 'json', perSecond: 1500, ms: plan.warmMs });
  const brisk = await atRate(fast, { via: 'json', perSecond: 1500, ms: plan.runMs });
  for (const one of latencies('1,500/s', brisk)) figure(one);
}

/** The same 100 a second, at three nodes, while the RPC of the fourth has all that it can take, by turns with and without. */
async function measureFlooded(fast: Fast): Promise<void> {
  const { plan, figure, progress, network, signal } = fast;
  const [flooded] = network.nodes;
  if (flooded === undefined) return;
  progress('100 transactions a second, one RPC flooded');
  const flood = startLoadGenerator(signal);
  const quiet: Measured[] = [];
  const loud: Measured[] = [];
  const offer = { via: 'json', perSecond: 100, ms: plan.turnMs, firstNode: 1 } as const;
  try {
    await flood.connect(flooded.host, flooded.port, FLOOD_CLIENTS);
    for (let turn = 0; turn < plan.turns; turn++) {
      quiet.push(await atRate(fast, offer));
      const ms = plan.turnMs;
      const calls = { kind: 'calls', call: 'version', clients: FLOOD_CLIENTS, ms } as const;
      const [run] = await Promise.all([atRate(fast, offer), flood.run(calls)]);
      loud.push(run);
    }
  } finally {
    await flood.stop();
  }
  const middle = (runs: readonly Measured[]) => median(runs.map(({ p50Ms }) => p50Ms));
  figure({ ...plain('commit p50, RPC flooded', middle(loud), 'ms'), floor: middle(quiet) });
}

/** Answers what the network does a second when each account sends again as soon as it may. */
async function measureSaturation(fast: Fast): Promise<number> {
  const { plan, figure, progress, network, load } = fast;
  progress('as many as the network takes');
  const loop = { kind: 'loop', via: 'packed', burst: BURST } as const;
  const looped = async (ms: number, command: Omit<LoopCommand, 'ms'> = loop) => {
    await load.sign((LOOP_PER_SECOND_MAX * ms) / 1000);
    return measured(network.cpuMicros, () => load.run({ ...command, ms }));
  };
  await looped(plan.warmMs);
  const full = await looped(plan.runMs);
  figure({ ...plain('saturated', full.rate, 'tx/s'), cpuPerOp: full.cpuPerOp });
  figure(plain('processor a transaction, saturated', full.cpuPerOp / 1000, 'ms'));
  figure(plain('generator, a transaction', full.cpuMicros / full.count, 'us'));
  for (const one of latencies('saturated', full)) figure(one);
  progress(`${plan.sustainedPerSecond} transactions a second`);
  let waiting = 0;
  const look = setInterval(async () => {
    waiting = Math.max(waiting, await network.mempool());
  }, MEMPOOL_LOOK_MS);
  const offer = { via: 'packed', perSecond: plan.sustainedPerSecond, ms: plan.runMs } as const;
  const run = await atRate(fast, offer).finally(() => clearInterval(look));
  figure({ ...plain('sustained', run.rate, 'tx/s'), cpuPerOp: run.cpuPerOp });
  for (const one of latencies('sustained', run)) figure(one);
  figure(plain('sustained: drained after', run.drainMs, 'ms'));
  figure(plain('sustained: most waiting', waiting, 'tx'));
  figure(plain('sustained: waiting afterwards', await network.mempool(), 'tx'));
  return full.rate;
}

/** Twice as much as it can do: what is too much is refused with a time to come back, and comes back then. */
async function measureOverload(fast: Fast, saturated: number): Promise<void> {
  const { plan, figure, progress, network } = fast;
  progress('twice as many as the network takes');
  const offer = { via: 'packed', perSecond: 2 * saturated, ms: plan.runMs / 2 } as const;
  const run = await atRate(fast, offer);
  for (const one of latencies('overloaded', run)) figure(one);
  figure(plain('overloaded: refused for now', run.refused, 'tx'));
  figure(plain('RSS a node, overloaded', await network.rssMb(), 'MB'));
}
