import { setTimeout } from 'node:timers/promises';
import { PyralogError } from '../base/errors.ts';
import type { AgreedMember, AgreedState, Core } from '../native/index.ts';
import { formatVerificationKey, verificationKey } from '../receipt/index.ts';
import type { ClusterOrders, NodePolicy } from '../rpc/index.ts';
import { type ClusterFile, clusterDocument, leastCosigners, parseMember } from './cluster-file.ts';
import { memberNamed, membersHere } from './cluster-members.ts';

/** How often, and how long apart, a member looks whether it has heard of what its leader carried out. */
const HEARD_TRIES = 250;
const HEARD_MS = 20;

/** What orders work on. */
export interface ClusterOrderParts {
  readonly core: Pick<Core, 'clusterStatus' | 'clusterCommand'>;
  /** The members file that this node was started with. */
  readonly file: ClusterFile;
}

/** What an operator orders of the cluster: carried out by the cluster group, wherever it is led (GR5). */
export function createClusterOrders({ core, file }: ClusterOrderParts): ClusterOrders {
  const { networkId, cluster } = file;
  return {
    async add(entry, labels) {
      const { member, ...of } = parseMember(entry, 'member');
      if (of.networkId !== networkId || of.cluster !== cluster) {
        throw new PyralogError(
          'rpc/invalid-params',
          `member ${member.name} is of ${of.cluster} on ${of.networkId}, and this cluster is ${cluster} on ${networkId}`,
        );
      }
      await core.clusterCommand({
        kind: 'add-member',
        member: {
          node: member.number,
          name: member.name,
          address: member.address,
          transport: member.tunnel,
          cosignerName: member.cosigner.name,
          cosigner: member.cosigner.publicKey,
          ...labels,
        },
      });
      return joiningFile(await agreedWith(core, member.number), file);
    },
    async drain(node, undo) {
      const kind = undo ? 'undrain' : 'drain';
      await core.clusterCommand({ kind, node: await numberOf(core, node) });
    },
    async remove(node) {
      await core.clusterCommand({ kind: 'remove-member', node: await numberOf(core, node) });
    },
    async replicate(voters, faults) {
      await core.clusterCommand({ kind: 'set-replication', voters, faults });
    },
    policies: async () => policiesOf(await agreedOf(core)),
  };
}

async function agreedOf(core: ClusterOrderParts['core']): Promise<AgreedState> {
  const { agreed } = await core.clusterStatus();
  if (agreed !== undefined) return agreed;
  throw new PyralogError(
    'log/not-leader',
    'this member has not heard yet how the cluster stands; ask again in a moment',
  );
}

/** The cluster as this member knows it once it has heard of another one: its leader answers before all have. */
async function agreedWith(core: ClusterOrderParts['core'], node: number): Promise<AgreedState> {
  for (let tries = 0; tries < HEARD_TRIES; tries++) {
    const agreed = await agreedOf(core);
    if (agreed.members.some((member) => member.node === node)) return agreed;
    await setTimeout(HEARD_MS);
  }
  throw new PyralogError(
    'log/not-leader',
    `member ${node} is added, and this node has not heard of it yet; order the same again for its members file`,
  );
}

async function numberOf(core: ClusterOrderParts['core'], name: string): Promise<number> {
  return memberNamed(membersHere(await agreedOf(core)), name).node;
}

/** The members file of a node that joins (CG7): all members of now, and who founded the cluster. */
function joiningFile(agreed: AgreedState, file: ClusterFile) {
  const founders =
    file.founders.length > 0 ? file.founders : file.members.map(({ number }) => number);
  return clusterDocument({ ...file, founders, members: membersHere(agreed).map(memberOf) });
}

function memberOf({ node, name, address, transport, cosignerName, cosigner }: AgreedMember) {
  return {
    number: node,
    name,
    address,
    tunnel: transport,
    cosigner: verificationKey(cosignerName, 'cosignature', cosigner),
  };
}

/** What others pin to believe each partition: the keys of its voters (GR10). */
function policiesOf({ members, partitions, faults }: AgreedState): NodePolicy[] {
  const keys = new Map(
    members.map(({ node, cosignerName, cosigner }) => [
      node,
      formatVerificationKey(verificationKey(cosignerName, 'cosignature', cosigner)),
    ]),
  );
  return partitions.map(({ origin, voters }) => ({
    scope: origin,
    keys: voters.flatMap((node) => keys.get(node) ?? []),
    threshold: leastCosigners(voters.length, faults),
    faults,
  }));
}
