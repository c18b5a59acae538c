import { strict as assert } from 'node:assert';
import { readMap } from '../../../client/cluster-map.ts';
import { createClusterClient } from '../../../client/index.ts';
import { type FakeNode, urlOf, World } from '../../support/client-world.ts';

const submission = (number: number) =>
  ({
    algorithm: 'sha256',
    digest: new Uint8Array(32).fill(number),
    idempotencyKey: `key ${number}`,
  }) as const;

/** Submissions that a node was asked for. */
const asked = (node: FakeNode) => node.asked.filter((method) => method === 'submit').length;

describe('the client of a cluster', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('goes to the leader once it knows it, and follows it (CK1)', async () => {
    const client = world.client();
    world.lead(1, 2);
    await world.run(client.submit(submission(1)));
    for (const number of [2, 3, 4]) await world.run(client.submit(submission(number)));
    assert.deepEqual(
      [0, 1, 2].map((node) => asked(world.node(node))),
      [1, 3, 0],
    );
    world.lead(2, 3);
    world.now += 5_001;
    await world.run(client.submit(submission(5))); // the map comes behind it
    await world.run(client.submit(submission(6)));
    assert.equal(asked(world.node(2)), 1);
    world.lead(0, 2); // somebody who has not heard of it yet
    world.now += 5_001;
    await world.run(client.submit(submission(7)));
    await world.run(client.submit(submission(8)));
    assert.equal(asked(world.node(2)), 3);
    assert.equal(world.size(), 8);
  });

  it('gives receipts that were verified, of what it submitted and of what it asks for (CK4)', async () => {
    const client = world.client();
    const { id, receipt, duplicate } = await world.run(client.submit(submission(1)));
    assert.deepEqual([receipt?.record.digest, duplicate], [submission(1).digest, false]);
    assert.equal((await world.run(client.receipt(id))).record.scarabId, id);
    await world.run(client.submit(submission(2), { waitFor: 'durable' }));
    await assert.rejects(world.run(client.receipt(id, { digest: submission(2).digest })), {
      code: 'client/untrusted-answer',
    });
  });

  for (const behaviour of ['dead', 'silent', 'unsure', 'garbage', 'busy', 'read-only'] as const) {
    it(`asks another node when one is ${behaviour}, and has one record (CK2)`, async () => {
      const client = world.client();
      await world.run(client.submit(submission(1)));
      world.node(0).behaviour = behaviour;
      const { duplicate, offset } = await world.run(client.submit(submission(2)));
      assert.deepEqual([offset, world.size()], [1, 2]);
      assert.equal(duplicate, behaviour === 'silent' || behaviour === 'unsure');
      // The others are known from the map, and lost no time but for one that says nothing.
      assert.equal(world.now, behaviour === 'silent' ? 3_000 : 0);
    });
  }

  it('does not believe keys that nobody pinned, and leaves their node alone (CK4)', async () => {
    const client = world.client();
    await world.run(client.submit(submission(1)));
    world.node(0).behaviour = 'liar';
    const { id } = await world.run(client.submit(submission(2)));
    assert.notEqual(world.notary.status(id), undefined);
    const before = world.node(0).asked.length;
    for (const number of [3, 4, 5]) await world.run(client.submit(submission(number)));
    await world.run(client.receipt(id));
    assert.equal(world.node(0).asked.length, before);
    world.node(0).behaviour = 'good';
    world.now += 60_001;
    for (const number of [6, 7]) await world.run(client.submit(submission(number)));
    assert.ok(world.node(0).asked.length > before, 'it is given another chance');
  });

  it('says so when nobody has an answer that is to be trusted', async () => {
    const client = world.client();
    await world.run(client.submit(submission(1)));
    for (const number of [0, 1, 2]) world.node(number).behaviour = 'liar';
    await assert.rejects(world.run(client.submit(submission(2))), {
      code: 'client/untrusted-answer',
      message: /no node has one that the pinned keys bear out/,
    });
    assert.equal(world.size(), 1);
  });

  it('ends at the deadline: with an open outcome if there is one, else with what was said (CK2)', async () => {
    const client = world.client({ deadlineMs: 10_000 });
    await world.run(client.submit(submission(1)));
    for (const number of [0, 1, 2]) world.node(number).behaviour = 'busy';
    await assert.rejects(world.run(client.submit(submission(2))), { code: 'log/overloaded' });
    assert.ok(world.now <= 10_000, `${world.now} ms`);
    world.node(1).behaviour = 'unsure';
    const from = world.now;
    const again = world.run(client.submit(submission(2), { deadlineMs: 4_000 }));
    await assert.rejects(again, { code: 'client/outcome-unknown', retryable: true });
    assert.ok(world.now - from <= 4_000);
    world.node(2).behaviour = 'good';
    assert.equal((await world.run(client.submit(submission(2)))).duplicate, true);
  });

  it('comes back no sooner than it was told, and less often the longer a node fails (CK3)', async () => {
    const client = world.client({ parts: {} });
    world.map = { cluster: 'local', partitions: [], members: [] }; // one node only
    world.node(0).behaviour = 'busy';
    await assert.rejects(world.run(client.submit(submission(1), { deadlineMs: 8_000 })));
    const waits = world.node(0).times.map((time, i, all) => time - (all[i - 1] ?? 0));
    assert.deepEqual(waits, [0, 700, 700, 700, 700, 800, 1_600, 2_000]);
  });

  it('ends at once what no node would do, what its caller gives up and what it is closed with', async () => {
    const client = world.client();
    await world.run(client.submit(submission(1)));
    const other = { ...submission(1), digest: new Uint8Array(32).fill(9) };
    await assert.rejects(world.run(client.submit(other)), { code: 'notary/idempotency-conflict' });
    await assert.rejects(world.run(client.receipt(1n)), { code: 'notary/not-found' });
    for (const number of [0, 1, 2]) world.node(number).behaviour = 'silent';
    const enough = new AbortController();
    const given = client.submit(submission(2), { signal: enough.signal });
    enough.abort(new Error('enough'));
    await assert.rejects(world.run(given), /enough/);
    const left = client.submit(submission(3));
    await client.close();
    await assert.rejects(world.run(left), { code: 'client/closed' });
    await assert.rejects(client.submit(submission(4)), { code: 'client/closed' });
  });

  it('goes on without a map, or with one that nobody can read', async () => {
    for (const map of [undefined, [], { partitions: 1 }, { partitions: [{}], members: [] }]) {
      world.map = map;
      const client = world.client();
      await world.run(client.submit(submission(1)));
      await world.run(client.submit(submission(2)));
    }
    assert.equal(world.size(), 2);
    assert.throws(() => readMap({ partitions: [{ epoch: 'x' }], members: [] }), {
      code: 'client/bad-answer',
    });
    assert.deepEqual(readMap({ members: [{ node: 1 }, { node: 'a', rpc: 'b' }] }), {
      partitions: [],
      members: [{ node: 'a', rpc: 'b' }],
    });
  });

  it('needs an address to begin with', () => {
    assert.throws(() => createClusterClient({ nodes: ['nowhere'], trust: world.trust }), {
      code: 'client/invalid-argument',
    });
    assert.ok(createClusterClient({ nodes: [urlOf(0)], trust: world.trust }));
  });
});
