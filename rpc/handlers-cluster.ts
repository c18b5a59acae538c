/** The operator's methods about the cluster (cluster.md). */
import type { MethodName, MethodResult } from '../api/index.ts';
import type { ClusterAccess, ClusterGroup, ClusterState } from './cluster-access.ts';
import { rpcError } from './errors.ts';
import type { Handlers } from './serve.ts';

type ClusterMethod = Extract<MethodName, `cluster_${string}`>;

/** On a lone node these answer `node/no-cluster`. */
export function clusterHandlers(access: ClusterAccess | undefined): Handlers<ClusterMethod> {
  const cluster = () => {
    if (access !== undefined) return access;
    throw rpcError(
      'node/no-cluster',
      'this node keeps its log alone: its setting cluster.members names no file',
    );
  };
  return {
    cluster_status: async () => clusterStateToWire(await cluster().status()),
    cluster_transfer: async ({ partition, to }) => {
      await cluster().transfer(partition, to);
      return { begun: true };
    },
  };
}

function clusterStateToWire(state: ClusterState): MethodResult<'cluster_status'> {
  const { cluster, partitions, members, stranger } = state;
  return {
    cluster,
    partitions: partitions.map(groupToWire),
    members: members.map((member) => ({ ...member })),
    ...(stranger === undefined ? {} : { stranger }),
  };
}

function groupToWire({ epoch, commit, applied, last, size, replicas, ...same }: ClusterGroup) {
  return {
    ...same,
    epoch: `${epoch}`,
    commit: `${commit}`,
    applied: `${applied}`,
    last: `${last}`,
    size: `${size}`,
    replicas: replicas.map(({ node, index }) => ({ node, index: `${index}` })),
  };
}
