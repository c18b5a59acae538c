import { strict as assert } from 'node:assert';
import type { ClusterServiceCommand, ClusterStatus } from '../../../native/index.ts';
import { createClusterServices } from '../../../node/cluster-services.ts';
import { clusterServiceHandlers } from '../../../rpc/handlers-cluster-services.ts';

const status: ClusterStatus = {
  partitions: [
    {
      ...{ partition: 0, leads: true, epoch: 1, commit: 9, applied: 9, last: 9 },
      ...{ replicas: [], voters: [1], learners: [] },
    },
  ],
  peers: [],
  agreed: {
    ...{ index: 9, epoch: 1, voters: 1, faults: 0, members: [], partitions: [], locks: [] },
    consumers: [
      {
        ...{ name: 'mail', logs: ['notary'], generation: 3 },
        consumers: [{ name: 'a', held: [0], expiresMs: 5 }],
        partitions: [0, 7],
        offsets: [120, 4],
      },
    ],
  },
};

function servicesOf(done: object) {
  const commands: ClusterServiceCommand[] = [];
  const services = createClusterServices({
    clusterStatus: () => Promise.resolve(status),
    clusterService(command) {
      commands.push(command);
      return Promise.resolve(done);
    },
    durableSize: () => 150,
  });
  return { services, commands, rpc: clusterServiceHandlers(() => services) };
}

describe('services of a cluster', () => {
  it('tell how far consumer groups are, and of partitions kept here how much is left', async () => {
    const { services, rpc } = servicesOf({});
    const [group] = await services.consumers();
    assert.deepEqual(group?.partitions, [
      { partition: 0, offset: 120, backlog: 30 },
      { partition: 7, offset: 4 },
    ]);
    const told = await rpc.cluster_consumers({}, undefined as never);
    assert.ok('groups' in told);
    assert.deepEqual(told.groups[0]?.partitions, [
      { partition: 0, offset: '120', backlog: '30' },
      { partition: 7, offset: '4' },
    ]);
  });

  it('say whether a lock is held or waited for', async () => {
    const asked = { lock: 'sweep', owner: 'job', ttlMs: 1_000 };
    const held = servicesOf({ fence: 7, expiresMs: 9 });
    assert.deepEqual(await held.rpc.cluster_lockAcquire(asked, undefined as never), {
      ...{ held: true, fence: '7', expiresMs: 9 },
    });
    assert.deepEqual(held.commands, [
      { kind: 'acquire-lock', name: 'sweep', who: 'job', ttlMs: 1_000, wait: false },
    ]);
    const waits = servicesOf({ before: 2 });
    const queued = await waits.rpc.cluster_lockAcquire(
      { ...asked, wait: true },
      undefined as never,
    );
    assert.deepEqual(queued, { held: false, before: 2 });
  });

  it('pair partitions and offsets of a commit', async () => {
    const { rpc, commands } = servicesOf({});
    const offsets = [
      { partition: 3, offset: '9007199254740991' },
      { partition: 1, offset: '0' },
    ];
    const commit = { group: 'mail', consumer: 'a', generation: '3', offsets };
    await rpc.cluster_consumerCommit(commit, undefined as never);
    assert.deepEqual(commands, [
      {
        ...{ kind: 'commit-offsets', name: 'mail', who: 'a', generation: 3 },
        ...{ partitions: [3, 1], offsets: [9_007_199_254_740_991, 0] },
      },
    ]);
  });
});
