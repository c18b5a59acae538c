import { PyralogError } from '../base/errors.ts';
import type { ClusterPartitionStatus, ClusterStatus, Core } from '../native/index.ts';
import type { ClusterAccess, ClusterGroup, ClusterState } from '../rpc/index.ts';
import type { PreparedMember } from './prepared.ts';

export interface ClusterAccessParts {
  readonly core: Pick<Core, 'clusterStatus' | 'durableSize' | 'transfer'>;
  readonly cluster: string;
  /** Node name of this member. */
  readonly self: string;
  readonly members: readonly PreparedMember[];
  /** Of each partition. */
  readonly origins: readonly string[];
}

/** The cluster by the names that its operators know: the core knows members by their numbers alone (CG2). */
export function createClusterAccess(parts: ClusterAccessParts): ClusterAccess {
  const { core, members } = parts;
  return {
    status: async () => stateOf(await core.clusterStatus(), parts),
    async transfer(partition, to) {
      const member = members.find(({ name }) => name === to);
      if (member === undefined) {
        const known = members.map(({ name }) => name).join(', ');
        throw new PyralogError(
          'rpc/invalid-params',
          `there is no member ${to}; the cluster has ${known}`,
        );
      }
      await core.transfer(partition, member.number);
    },
  };
}

function stateOf(status: ClusterStatus, parts: ClusterAccessParts): ClusterState {
  const links = new Map(status.peers.map((peer) => [peer.node, peer]));
  return {
    cluster: parts.cluster,
    partitions: status.partitions.map((group) => groupOf(group, parts)),
    members: parts.members.map(({ number, name }) => {
      const self = name === parts.self;
      const { up = false, problem } = links.get(number) ?? {};
      const said = problem === undefined ? {} : { problem };
      return { node: name, number, self, up: self || up, ...said };
    }),
    ...(status.stranger === undefined ? {} : { stranger: status.stranger }),
  };
}

function groupOf(group: ClusterPartitionStatus, parts: ClusterAccessParts): ClusterGroup {
  const { leader, replicas, ...same } = group;
  const nameOf = (number: number) =>
    parts.members.find((member) => member.number === number)?.name ?? `node ${number}`;
  const leading = group.leads ? parts.self : leader === undefined ? undefined : nameOf(leader);
  return {
    ...same,
    origin: parts.origins[group.partition] ?? '',
    size: parts.core.durableSize(group.partition),
    ...(leading === undefined ? {} : { leader: leading }),
    replicas: replicas.map(({ node, index }) => ({ node: nameOf(node), index })),
  };
}
