import { strict as assert } from 'node:assert';
import type {
  AgreedMember,
  AgreedState,
  ClusterCommand,
  ClusterStatus,
} from '../../../native/index.ts';
import type { ClusterFile } from '../../../node/cluster-file.ts';
import { createClusterOrders } from '../../../node/cluster-orders.ts';
import { createKey } from '../../../node/index.ts';
import { verificationKey } from '../../../receipt/index.ts';

const NETWORK = 'devnet-0aa3e02fbfbc72f1';

function memberOf(node: number, over: Partial<AgreedMember> = {}): AgreedMember {
  const name = `node-${node}`;
  return {
    node,
    name,
    address: `10.0.0.${node}:7080`,
    rpc: '',
    transport: new Uint8Array(32).fill(node),
    cosignerName: `pyralog/${NETWORK}/org-0/${name}`,
    cosigner: createKey('cosigning', 'key', new Uint8Array(32).fill(node)).publicKey,
    zone: '',
    rack: '',
    weight: 100,
    status: 'active',
    ...over,
  };
}

const file: ClusterFile = {
  id: new Uint8Array(32).fill(9),
  networkId: NETWORK,
  cluster: 'org-0',
  cosigners: 2,
  faults: 0,
  founders: [],
  members: [1, 2, 3].map((node) => {
    const { name, address, transport, cosignerName, cosigner } = memberOf(node);
    const key = verificationKey(cosignerName, 'cosignature', cosigner);
    return { number: node, name, address, tunnel: transport, cosigner: key };
  }),
};

const agreed: AgreedState = {
  index: 12,
  epoch: 3,
  voters: 3,
  faults: 1,
  members: [memberOf(1, { status: 'removed' }), memberOf(2), memberOf(3), memberOf(4)],
  partitions: [
    {
      partition: 0,
      log: 'notary',
      origin: `pyralog/${NETWORK}/org-0/notary/0`,
      status: 'active',
      from: 0,
      to: 2 ** 32,
      parents: [],
      successors: [],
      wanted: [2, 3, 4],
      voters: [2, 3, 4],
      learners: [],
      leader: 2,
    },
  ],
  locks: [],
  consumers: [],
};

function ordersOf(status: Partial<ClusterStatus>) {
  const commands: ClusterCommand[] = [];
  let lag = 0;
  const orders = createClusterOrders({
    file,
    core: {
      clusterStatus() {
        // What was ordered is heard of a little later.
        const heard = lag-- <= 0;
        const members = status.agreed?.members.filter(({ node }) => heard || node !== 4) ?? [];
        const agreed = status.agreed === undefined ? {} : { agreed: { ...status.agreed, members } };
        return Promise.resolve({ partitions: [], peers: [], ...agreed });
      },
      clusterCommand(command) {
        if (command.kind === 'add-member') lag = 2;
        commands.push(command);
        return Promise.resolve();
      },
    },
  });
  return { orders, commands };
}

describe('orders to a cluster', () => {
  it('names members by their numbers, and none that is gone or was never there', async () => {
    const { orders, commands } = ordersOf({ agreed });
    await orders.drain('node-2', false);
    await orders.drain('node-2', true);
    await orders.remove('node-3');
    await orders.replicate(5, 1);
    assert.deepEqual(commands, [
      { kind: 'drain', node: 2 },
      { kind: 'undrain', node: 2 },
      { kind: 'remove-member', node: 3 },
      { kind: 'set-replication', voters: 5, faults: 1 },
    ]);
    for (const name of ['node-1', 'node-9', '']) {
      await assert.rejects(
        orders.drain(name, false),
        /there is no member .*; the cluster has node-2, node-3, node-4/,
      );
    }
  });

  it('asks to be asked again before it has heard how the cluster stands', async () => {
    const { orders, commands } = ordersOf({});
    await assert.rejects(orders.remove('node-2'), { code: 'log/not-leader' });
    await assert.rejects(orders.policies(), /ask again/);
    assert.deepEqual(commands, []);
  });

  it('writes a members file that names who founded the cluster, without those that are gone (CG7)', async () => {
    const { orders, commands } = ordersOf({ agreed });
    const { address, name, transport } = memberOf(4);
    const key = (await orders.policies())[0]?.keys[2];
    const entry = {
      ...{ network: NETWORK, cluster: 'org-0', number: 4, name, address },
      ...{ tunnel: Buffer.from(transport).toString('hex'), cosigner: key },
    };
    const made = await orders.add(entry, { zone: 'north' });
    assert.deepEqual(made['founders'], [1, 2, 3]);
    assert.deepEqual(
      (made['members'] as { name: string }[]).map((one) => one.name),
      ['node-2', 'node-3', 'node-4'],
    );
    const [command] = commands;
    assert.ok(command?.kind === 'add-member');
    assert.deepEqual([command.member.node, command.member.zone], [4, 'north']);
    const foreign = orders.add({ ...entry, cluster: 'org-1' }, {});
    await assert.rejects(foreign, /org-1|not of/);
    await assert.rejects(orders.add({}, {}), /network is missing/);
  });

  it('tells what is to be pinned: the keys of the voters, and how many are needed (GR10)', async () => {
    const [policy] = await ordersOf({ agreed }).orders.policies();
    assert.deepEqual(
      [policy?.scope, policy?.threshold, policy?.faults],
      [agreed.partitions[0]?.origin, 3, 1],
    );
    assert.deepEqual(
      policy?.keys.map((key) => key.split('+')[0]),
      ['node-2', 'node-3', 'node-4'].map((name) => `pyralog/${NETWORK}/org-0/${name}`),
    );
  });
});
