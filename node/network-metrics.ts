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
  [
    'pyralog_anchor_too_dear_total',
    '1 while an anchor costs more than anchor.feeMax, else 0.',
    ({ anchors }) => anchors.tooDear,
  ],
  ['pyralog_net_peers_total', 'Connected peers.', ({ net }) => net.peers],
  ['pyralog_net_banned_peers_total', 'Peers that are banned now.', ({ net }) => net.bannedPeers],
  ['pyralog_net_links_opened_total', 'Links that were opened.', ({ net }) => net.linksOpened],
  ['pyralog_net_links_closed_total', 'Links that were closed.', ({ net }) => net.linksClosed],
  ['pyralog_net_dials_failed_total', 'Dials without a link.', ({ net }) => net.dialsFailed],
  ['pyralog_net_frames_sent_total', 'Frames sent over links.', ({ net }) => net.framesSent],
  ['pyralog_net_frames_received_total', 'Frames of peers.', ({ net }) => net.framesReceived],
  ['pyralog_net_sent_bytes', 'Bytes sent over links.', ({ net }) => net.sentBytes],
  ['pyralog_net_received_bytes', 'Bytes received over links.', ({ net }) => net.receivedBytes],
  ['pyralog_net_queue_bytes', 'Bytes that wait for slow peers.', ({ net }) => net.queueBytes],
  ['pyralog_net_round_trip_seconds', 'Slowest last ping.', ({ net }) => net.roundTripSeconds],
  [
    'pyralog_net_gossip_published_total',
    'Gossip messages of this node.',
    ({ net }) => net.gossipPublished,
  ],
  [
    'pyralog_net_gossip_received_total',
    'Gossip messages of others, each once.',
    ({ net }) => net.gossipReceived,
  ],
  [
    'pyralog_net_gossip_rejected_total',
    'Gossip messages that were invalid.',
    ({ net }) => net.gossipRejected,
  ],
  ['pyralog_net_gossip_sent_bytes', 'Compressed gossip sent.', ({ net }) => net.gossipSentBytes],
  [
    'pyralog_net_gossip_received_bytes',
    'Compressed gossip received, duplicates included.',
    ({ net }) => net.gossipReceivedBytes,
  ],
];

/** Exports what the main thread measures. Everything of one scrape is of one moment: it costs one question. */
export function exportNetworkMetrics(
  registry: Registry,
  figures: () => Promise<NetworkFigures>,
): void {
  let asked: Promise<NetworkFigures> | undefined;
  const now = () => {
    // A registry calls every `collect` of a scrape in one turn of the event loop.
    asked ??= figures().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  const registers = [registry];
  for (const [name, help, value] of METRICS) {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(value(await now()));
      },
    });
  }
  new Gauge({
    name: 'pyralog_net_faults_total',
    help: 'Faults of peers, by kind (G12).',
    labelNames: ['fault'],
    registers,
    async collect() {
      const { net } = await now();
      for (const [fault, count] of Object.entries(net.faults)) this.set({ fault }, count);
    },
  });
}
