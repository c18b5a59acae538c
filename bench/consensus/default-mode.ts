/** What `pyralog devnet` gives its user without any setting: how soon it is there, what it takes, how soon a receipt is final. */
import { setTimeout as wait } from 'node:timers/promises';
import { verifyFinal } from '../verify-samples.ts';
import { startChainLoad } from './generator.ts';
import { startBenchNetwork } from './network.ts';
import { type ConsensusContext, measured, plain } from './plan.ts';

const CLIENTS = 8;

export async function measureDefault(context: ConsensusContext): Promise<void> {
  const { plan, figure, progress, signal, dirOf } = context;
  progress('starting four nodes, as they come');
  const network = await startBenchNetwork(await dirOf('default'), {}, signal);
  const load = startChainLoad(signal);
  try {
    figure(plain('devnet: first RPC', network.firstRpcMs, 'ms'));
    figure(plain('devnet: first block', network.firstBlockMs, 'ms'));
    progress(`letting four nodes rest for ${plan.idleMs / 1000} s`);
    const cpu = await network.cpuMicros();
    await wait(plan.idleMs, undefined, { signal });
    const busy = ((await network.cpuMicros()) - cpu) / (plan.idleMs * 10);
    figure(plain('devnet: RSS a node at rest', await network.rssMb(), 'MB'));
    figure(plain('devnet: processor at rest, 4 nodes', busy, '%'));
    progress('receipts, until they are final');
    const { nodes, networkId, funds } = network;
    await load.open({ nodes, networkId, funds, lanes: 0 });
    const receipts = { kind: 'receipts', clients: CLIENTS } as const;
    await load.run({ ...receipts, ms: plan.warmMs });
    const run = await measured(network.cpuMicros, () => load.run({ ...receipts, ms: plan.runMs }));
    verifyFinal(run.samples ?? [], network.trust);
    figure({ ...plain('submit to final receipt p50', run.p50Ms, 'ms'), cpuPerOp: run.cpuPerOp });
    figure({ ...plain('submit to final receipt p99', run.p99Ms, 'ms'), cpuPerOp: run.cpuPerOp });
  } finally {
    await Promise.all([load.stop(), network.stop()]);
  }
}
