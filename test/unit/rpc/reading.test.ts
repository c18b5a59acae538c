import { strict as assert } from 'node:assert';
import { createClusterReads } from '../../../node/cluster-reads.ts';
import type { ClusterReads } from '../../../rpc/index.ts';
import { post, type Reply, request, startFake } from '../../support/rpc-server.ts';

const MAP = {
  cluster: 'org-0',
  partitions: [{ partition: 0, origin: 'pyralog/x/org-0/notary/0', epoch: 3, leader: 'node-0' }],
  members: [{ node: 'node-0', rpc: 'http://127.0.0.1:1' }, { node: 'node-1' }],
};

describe('reads of a cluster over RPC (R14, R15)', () => {
  const asked: unknown[] = [];
  const cluster: ClusterReads = {
    map: () => Promise.resolve(MAP),
    reach: (origin, wanted) => {
      asked.push([origin, wanted]);
      return Promise.resolve(7);
    },
  };
  let fake: Awaited<ReturnType<typeof startFake>>;
  let lone: Awaited<ReturnType<typeof startFake>>;
  before(async () => {
    fake = await startFake({}, { cluster });
    lone = await startFake();
  });
  beforeEach(() => asked.splice(0));
  after(async () => {
    await fake.server.stop();
    await lone.server.stop();
  });

  async function call(method: string, params: object, at = fake): Promise<Reply> {
    const answer = await post(at.http, request(method, params));
    return (await answer.json()) as Reply;
  }
  const resultOf = async (method: string, params: object, at = fake) => {
    const { result, error } = await call(method, params, at);
    assert.equal(error, undefined);
    return { ...(result as object) } as Record<string, unknown>;
  };

  it('asks nobody unless the call wants it', async () => {
    const plain = await resultOf('log_info', {});
    await resultOf('log_info', { read: 'local' });
    assert.deepEqual(asked, []);
    assert.equal('stalenessMs' in plain, false);
  });

  it('waits for what the call wants, of every method that reads', async () => {
    const digest = 'ab'.repeat(32);
    const { id } = await resultOf('notary_submit', { algorithm: 'sha256', digest });
    const origin = fake.notary.logs()[0]?.origin ?? assert.fail('no log');
    const calls: [string, object, string | undefined][] = [
      ['notary_status', { id }, undefined],
      ['notary_receipt', { id }, undefined],
      ['notary_search', { algorithm: 'sha256', digest }, undefined],
      ['notary_since', { origin, time: '0' }, origin],
      ['log_info', { origin }, origin],
    ];
    for (const [method, params, of] of calls) {
      asked.splice(0);
      const linearizable = await resultOf(method, { ...params, read: 'linearizable' });
      assert.equal('stalenessMs' in linearizable, false, method);
      const bounded = await resultOf(method, { ...params, maxStalenessMs: 100 });
      if (method !== 'notary_receipt') assert.equal(bounded['stalenessMs'], 7, method);
      await resultOf(method, { ...params, maxStalenessMs: 100, read: 'linearizable' });
      assert.deepEqual(
        asked,
        [
          [of, { kind: 'linearizable' }],
          [of, { kind: 'bounded', maxStalenessMs: 100 }],
          [of, { kind: 'linearizable' }],
        ],
        method,
      );
    }
  });

  it('answers at once on a lone node, where nothing is missing', async () => {
    const answer = await resultOf('log_info', { maxStalenessMs: 1 }, lone);
    assert.equal(answer['stalenessMs'], 0);
    const { error } = await call('log_info', { maxStalenessMs: 0 }, lone);
    assert.equal(error?.data['reason'], 'rpc/invalid-params');
  });

  it('shows the map, but not of a lone node', async () => {
    const [partition] = MAP.partitions;
    assert.deepEqual(await resultOf('cluster_map', {}), {
      ...MAP,
      partitions: [{ ...partition, epoch: '3' }],
    });
    const { error } = await call('cluster_map', {}, lone);
    assert.equal(error?.data['reason'], 'node/no-cluster');
  });
});

describe('reads of a member', () => {
  it('asks the core for the map once in 100 ms, and for each log that is meant', async () => {
    let [now, asked] = [0, 0];
    const indexes: number[] = [];
    const reads = createClusterReads({
      now: () => now,
      self: 'node-0',
      origins: ['a', 'b'],
      access: {
        status: () => {
          asked++;
          const member = {
            node: 'node-0',
            number: 1,
            self: true,
            up: true,
            rpc: 'http://127.0.0.1:1',
          };
          return Promise.resolve({ cluster: 'org-0', partitions: [], members: [member] });
        },
      },
      core: {
        readIndex: (partition) => {
          indexes.push(partition);
          return Promise.resolve(0);
        },
      },
    });
    assert.deepEqual((await reads.map()).members, [{ node: 'node-0', rpc: 'http://127.0.0.1:1' }]);
    now = 100;
    await reads.map();
    assert.equal(asked, 1);
    now = 101;
    await reads.map();
    assert.equal(asked, 2);
    await reads.reach('b', { kind: 'linearizable' });
    assert.deepEqual(indexes, [1]);
    await reads.reach(undefined, { kind: 'linearizable' });
    assert.deepEqual(indexes, [1, 0, 1]);
    assert.equal(await reads.reach('c', { kind: 'linearizable' }), 0);
  });
});
