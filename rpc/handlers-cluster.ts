/** Methods about the cluster (cluster.md): the operator's, and its map for everybody. */
import type { MethodName, MethodResult } from '../api/index.ts';
import type { ClusterAccess, ClusterGroup, ClusterReads, ClusterState } from './cluster-access.ts';
import { rpcError } from './errors.ts';
import type { Handlers } from './serve.ts';

type ClusterMethod = Exclude<Extract<MethodName, `cluster_${string}`>, 'cluster_map'>;

/** What everybody may ask; on a lone node it answers `node/no-cluster`. */
export function clusterMapHandlers(reads: ClusterReads | undefined): Handlers<'cluster_map'> {
  return {
    cluster_map: async () => {
      if (reads === undefined) throw noCluster();
      const { cluster, partitions, members } = await reads.map();
      return {
        cluster,
        partitions: partitions.map(({ epoch, ...same }) => ({ ...same, epoch: `${epoch}` })),
        members: members.map((member) => ({ ...member })),
      };
    },
  };
}

/** On a lone node these answer `node/no-cluster`. */
export function clusterHandlers(access: ClusterAccess | undefined): Handlers<ClusterMethod> {
  const cluster = () => {
    if (access !== undefined) return access;
    throw noCluster();
  };
  return {
    cluster_status: async () => clusterStateToWire(await cluster().status()),
    cluster_transfer: async ({ partition, to }) => {
      await cluster().transfer(partition, to);
      return { begun: true };
    },
  };
}

function noCluster() {
  return rpcError(
    'node/no-cluster',
    'this node keeps its log alone: its setting cluster.members names no file',
  );
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
