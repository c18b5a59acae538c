import { Gauge, type Registry } from 'prom-client';
import type { NetworkFigures } from './chain-remote.ts';

/** Name, help and value of each metric of the network plane; all are in docs/OPERATIONS.md. */
const METRICS: readonly (readonly [string, string, (figures: NetworkFigures) => number])[] = [
  ['pyralog_chain_height_total', 'Newest final height.', ({ chain }) => chain.height],
  [
    'pyralog_chain_transactions_executed_total',
    'Transactions in final blocks since the start.',
    ({ chain }) => chain.executedTransactions,
  ],
  [
    'pyralog_chain_transactions_refused_total',
    'Transactions refused or dropped.',
    ({ chain }) => chain.refusedTransactions,
  ],
  [
    'pyralog_chain_mempool_transactions_total',
    'Transactions that wait.',
    ({ chain }) => chain.mempoolTransactions,
  ],
  ['pyralog_chain_mempool_bytes', 'Bytes that wait.', ({ chain }) => chain.mempoolBytes],
  [
    'pyralog_consensus_decision_seconds',
    'From the start of the newest height to its decision.',
    ({ consensus }) => consensus.decisionSeconds,
  ],
  ['pyralog_consensus_rounds_total', 'Rounds begun.', ({ consensus }) => consensus.rounds],
  [
    'pyralog_consensus_messages_refused_total',
    'Messages of peers that were not taken.',
    ({ consensus }) => consensus.refusedMessages,
  ],
  [
    'pyralog_consensus_blocks_synced_total',
    'Blocks fetched from peers.',
    ({ consensus }) => consensus.syncedBlocks,
  ],
  [
    'pyralog_consensus_misbehaviour_total',
    'Pairs of contradicting messages of a validator.',
    ({ consensus }) => consensus.misbehaviour,
  ],
  [
    'pyralog_consensus_signing_total',
    '1 while this node signs votes, else 0.',
    ({ consensus }) => (consensus.signing ? 1 : 0),
  ],
  ['pyralog_anchor_final_total', 'Own anchors that became final.', ({ anchors }) => anchors.final],
  [
    'pyralog_anchor_refused_total',
    'Own anchors the chain refused.',
    ({ anchors }) => anchors.refused,
  ],
  [
    'pyralog_anchor_unfunded_total',
    '1 while the cluster account cannot pay for anchors, else 0.',
    ({ anchors }) => anchors.unfunded,
  ],
];

/** Exports what the main thread measures; one question to it a scrape. */
export function exportNetworkMetrics(
  registry: Registry,
  figures: () => Promise<NetworkFigures>,
): void {
  const [first, ...rest] = METRICS.map(
    ([name, help]) => new Gauge({ name, help, registers: [registry] }),
  );
  const gauges = first === undefined ? [] : [first, ...rest];
  const asking = new Gauge({
    name: 'pyralog_net_peers_total',
    help: 'Connected peers.',
    registers: [registry],
    async collect() {
      const now = await figures();
      this.set(now.net.peers);
      for (const [i, [, , value]] of METRICS.entries()) gauges[i]?.set(value(now));
    },
  });
  void asking;
}
