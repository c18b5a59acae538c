/** Methods about the cluster (cluster.md): the operator's, and its map for everybody. */
import type { MethodName, MethodResult } from '../api/index.ts';
import type { ClusterAccess, ClusterGroup, ClusterReads, ClusterState } from './cluster-access.ts';
import { rpcError } from './errors.ts';
import { type ClusterServiceMethod, clusterServiceHandlers } from './handlers-cluster-services.ts';
import type { Handlers } from './serve.ts';

type ClusterMethod = Exclude<Extract<MethodName, `cluster_${string}`>, 'cluster_map'>;
type OperatorMethod = Exclude<ClusterMethod, ClusterServiceMethod>;

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
  const operators: Handlers<OperatorMethod> = {
    cluster_status: async () => clusterStateToWire(await cluster().status()),
    cluster_transfer: async ({ partition, to }) => {
      await cluster().transfer(partition, to);
      return { begun: true };
    },
    cluster_add: async ({ member, ...labels }) => ({
      file: await cluster().orders.add(member, labels),
    }),
    cluster_drain: async ({ node, undo = false }) => {
      await cluster().orders.drain(node, undo);
      return { begun: true };
    },
    cluster_remove: async ({ node }) => {
      await cluster().orders.remove(node);
      return { removed: true };
    },
    cluster_replicate: async ({ voters, faults = 0 }) => {
      await cluster().orders.replicate(voters, faults);
      return { begun: true };
    },
    cluster_policies: async () => ({
      policies: (await cluster().orders.policies()).map((one) => ({ ...one, keys: [...one.keys] })),
    }),
  };
  return { ...operators, ...clusterServiceHandlers(() => cluster().services) };
}

function noCluster() {
  return rpcError(
    'node/no-cluster',
    'this node keeps its log alone: its setting cluster.members names no file',
  );
}

function clusterStateToWire(state: ClusterState): MethodResult<'cluster_status'> {
  const { cluster, partitions, members, stranger, agreed, problem } = state;
  return {
    cluster,
    partitions: partitions.map(groupToWire),
    members: members.map((member) => ({ ...member })),
    ...(stranger === undefined ? {} : { stranger }),
    ...(problem === undefined ? {} : { problem }),
    ...(agreed === undefined ? {} : { agreed: { ...agreed, index: `${agreed.index}` } }),
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
    voters: [...same.voters],
    learners: [...same.learners],
  };
}
