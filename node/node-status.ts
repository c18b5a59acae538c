import type { NodeInfo, NodeStatus } from '../rpc/index.ts';
import type { LogStore } from '../storage/index.ts';
import type { RemoteChain } from './chain-remote.ts';

/** What a status screen shows of this node (`node_status`). */
export async function nodeStatus(parts: {
  readonly name: string;
  readonly info: NodeInfo;
  readonly logStore: LogStore;
  readonly remote: RemoteChain | undefined;
}): Promise<NodeStatus> {
  const { name, info, logStore, remote } = parts;
  const records = logStore.partitions.reduce((sum, _, i) => sum + logStore.durableSize(i), 0);
  const own = {
    name,
    networkId: info.networkId,
    version: info.version,
    uptimeSeconds: process.uptime(),
    rssBytes: process.memoryUsage.rss(),
    records,
  };
  if (remote === undefined) {
    return { ...own, height: 0, role: 'none', peers: 0, mempool: 0, anchored: 0, warnings: [] };
  }
  const [figures, consensus, anchors] = await Promise.all([
    remote.figures(),
    remote.access.consensusStatus(),
    remote.access.anchorStatus(),
  ]);
  const head = remote.access.head();
  return {
    ...own,
    height: figures.chain.height,
    ...(head === undefined ? {} : { headTime: head.time }),
    finalitySeconds: consensus.lastDecisionSeconds,
    role: consensus.role,
    peers: figures.net.peers,
    mempool: figures.chain.mempoolTransactions,
    anchored: anchors.logs.reduce((sum, { size }) => sum + size, 0),
    warnings: figures.warnings,
  };
}
