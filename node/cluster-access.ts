import type { AgreedMember, ClusterPartitionStatus, ClusterStatus, Core } from '../native/index.ts';
import type { ClusterAccess, ClusterGroup, ClusterState } from '../rpc/index.ts';
import type { ClusterFile } from './cluster-file.ts';
import { memberNamed, membersHere } from './cluster-members.ts';
import { createClusterOrders } from './cluster-orders.ts';
import { createClusterServices } from './cluster-services.ts';
import type { PreparedMember } from './prepared.ts';

export interface ClusterAccessParts {
  readonly core: Pick<
    Core,
    'clusterStatus' | 'clusterCommand' | 'clusterService' | 'durableSize' | 'transfer'
  >;
  readonly file: ClusterFile;
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
    orders: createClusterOrders(parts),
    services: createClusterServices(core),
    status: async () => stateOf(await core.clusterStatus(), parts),
    async transfer(partition, to) {
      const member = memberNamed(membersOf(await core.clusterStatus(), members), to);
      await core.transfer(partition, member.number);
    },
  };
}

/** Those that the cluster agreed on; before it did, those of the members file. */
function membersOf(
  { agreed }: ClusterStatus,
  prepared: readonly PreparedMember[],
): readonly (PreparedMember & Partial<Pick<AgreedMember, 'status' | 'address'>>)[] {
  const here = agreed === undefined ? undefined : membersHere(agreed);
  return (
    here?.map(({ node, name, status, address, rpc }) => ({
      number: node,
      ...{ name, status, address },
      ...(rpc === '' ? {} : { rpc }),
    })) ?? prepared
  );
}

function stateOf(status: ClusterStatus, parts: ClusterAccessParts): ClusterState {
  const known = membersOf(status, parts.members);
  const links = new Map(status.peers.map((peer) => [peer.node, peer]));
  return {
    cluster: parts.cluster,
    partitions: status.partitions.map((group) => groupOf(group, { parts, known })),
    members: known.map((member) => {
      const { number, name, rpc } = member;
      const self = name === parts.self;
      const { up = false, problem } = links.get(number) ?? {};
      const said = problem === undefined ? {} : { problem };
      const { status: being, address } = member;
      const agreed = being === undefined ? {} : { status: being, address: address ?? '' };
      const reached = rpc === undefined ? {} : { rpc };
      return { node: name, number, self, up: self || up, ...agreed, ...reached, ...said };
    }),
    ...agreedOf(status, { parts, known }),
    ...(status.problem === undefined ? {} : { problem: status.problem }),
    ...(status.stranger === undefined ? {} : { stranger: status.stranger }),
  };
}

interface Known {
  readonly parts: ClusterAccessParts;
  readonly known: readonly PreparedMember[];
}

function nameOf({ known }: Known, number: number): string {
  return known.find((member) => member.number === number)?.name ?? `node ${number}`;
}

function leaderOf({ leads, leader }: ClusterPartitionStatus, of: Known): string | undefined {
  if (leads) return of.parts.self;
  return leader === undefined ? undefined : nameOf(of, leader);
}

function agreedOf({ agreed, group }: ClusterStatus, of: Known): Pick<ClusterState, 'agreed'> {
  if (agreed === undefined) return {};
  const leader = group === undefined ? undefined : leaderOf(group, of);
  const { index, voters } = agreed;
  return { agreed: { index, voters, ...(leader === undefined ? {} : { leader }) } };
}

function groupOf(group: ClusterPartitionStatus, of: Known): ClusterGroup {
  const { parts } = of;
  const { leader: _, replicas, voters, learners, ...same } = group;
  const leading = leaderOf(group, of);
  return {
    ...same,
    origin: parts.origins[group.partition] ?? '',
    size: parts.core.durableSize(group.partition),
    ...(leading === undefined ? {} : { leader: leading }),
    replicas: replicas.map(({ node, index }) => ({ node: nameOf(of, node), index })),
    voters: voters.map((node) => nameOf(of, node)),
    learners: learners.map((node) => nameOf(of, node)),
  };
}
