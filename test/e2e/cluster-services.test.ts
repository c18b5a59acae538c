/** What the cluster does for applications holds through a failover: locks with fencing, coordinator numbers, consumer groups. */
import { strict as assert } from 'node:assert';
import { eventually, newSubmission, TestCluster } from '../support/cluster.ts';

interface Held {
  readonly held: boolean;
  readonly fence?: string;
  readonly before?: number;
}
interface Reading {
  readonly generation: string;
  readonly assigned: readonly number[];
}

describe('services of a cluster of three', function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start(3);
  });
  after(() => cluster.remove());

  /** Calls a member that lives, again while nobody leads the cluster group. */
  async function call<T>(name: string, method: string, params: unknown): Promise<T> {
    for (;;) {
      try {
        return (await cluster.call(name, method, params)) as T;
      } catch (error) {
        assert.match(String(error), /lead|not known|answer/);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  const ask = (name: string, owner: string, wait = false) =>
    call<Held>(name, 'cluster_lockAcquire', { lock: 'sweep', owner, ttlMs: 86_400_000, wait });

  it('gives a lock to one at a time, with rising fencing numbers, at any member and after a leader died', async () => {
    const [first = '', second = '', third = ''] = cluster.names();
    const held = await ask(first, 'a');
    assert.ok(held.held);
    assert.deepEqual(await ask(second, 'a'), held);
    assert.deepEqual(await ask(second, 'b', true), { held: false, before: 0 });
    await assert.rejects(
      cluster.call(third, 'cluster_lockRelease', { lock: 'sweep', fence: '999' }),
    );
    const leader = await clusterLeader();
    await cluster.order('kill', leader);
    const [other = '', another = ''] = cluster.others(leader);
    await call(other, 'cluster_lockRelease', { lock: 'sweep', fence: held.fence });
    const next = await ask(another, 'b', true);
    assert.ok(next.held && Number(next.fence) > Number(held.fence));
    await cluster.order('restart', leader);
    // The member that was away has the same state.
    await eventually(async () => (await ask(leader, 'b', true)).fence === next.fence);
  });

  it('gives a coordinator number that no member has', async () => {
    const [name = ''] = cluster.names();
    const params = { holder: 'importer', ttlMs: 60_000 };
    const given = await call<{ number: number }>(name, 'cluster_coordinatorAssign', params);
    assert.ok(given.number > 3);
  });

  it('spreads a log over the consumers of a group, and tells how far they are behind', async () => {
    const [name = ''] = cluster.names();
    const client = cluster.client(name);
    for (let i = 0; i < 5; i++) {
      const { key, digest } = newSubmission();
      await client.submit({ algorithm: 'sha256', digest, idempotencyKey: key });
    }
    await client.close();
    const join = { group: 'mail', consumer: 'a', logs: ['notary'], ttlMs: 60_000 };
    const { assigned, generation } = await call<Reading>(name, 'cluster_consumerJoin', join);
    assert.deepEqual(assigned, [0]);
    const offsets = [{ partition: 0, offset: '2' }];
    const commit = { group: 'mail', consumer: 'a', generation, offsets };
    await call(name, 'cluster_consumerCommit', commit);
    const stale = cluster.call(name, 'cluster_consumerCommit', {
      ...commit,
      ...{ generation: '0', offsets: [{ partition: 0, offset: '3' }] },
    });
    await assert.rejects(stale, /generation/);
    const { groups } = await call<{ groups: { partitions: unknown }[] }>(
      name,
      'cluster_consumers',
      {},
    );
    assert.deepEqual(groups[0]?.partitions, [{ partition: 0, offset: '2', backlog: '3' }]);
  });

  async function clusterLeader(): Promise<string> {
    let leader: string | undefined;
    await eventually(async () => {
      leader = (await cluster.view('node-0'))?.agreed?.leader;
      return leader !== undefined;
    });
    return leader ?? '';
  }
});
