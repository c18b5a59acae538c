import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type Behaviour, World } from '../../support/client-world.ts';

const write = (number: number) =>
  ({ algorithm: 'sha256', digest: new Uint8Array(32).fill(number) }) as const;

/** Digests of the log, first byte each. */
function logOf(world: World): number[] {
  const rows = world.size() === 0 ? [] : world.store.read(0, 0, 1 << 20);
  return rows.map(({ value }) => value.at(-1) ?? 0);
}

describe('a session of a client (CK5, CK6)', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('numbers its writes, and has them in the log in their order', async () => {
    const session = world.client().session({ id: 'mine' });
    const all = [1, 2, 3, 4].map((number) => session.submit(write(number)));
    const done = await world.run(Promise.all(all));
    assert.deepEqual(
      done.map(({ sequence, offset }) => [sequence, offset]),
      [
        [1, 0],
        [2, 1],
        [3, 2],
        [4, 3],
      ],
    );
    assert.deepEqual(world.node(0).keys, ['mine/1', 'mine/2', 'mine/3', 'mine/4']);
    assert.equal(session.next, 5);
  });

  it('has writes of equal content twice, and the same write of a session that goes on once', async () => {
    const client = world.client();
    const session = client.session({ id: 'mine' });
    const first = await world.run(session.submit(write(7)));
    const second = await world.run(session.submit(write(7)));
    assert.notEqual(first.id, second.id);
    const again = client.session({ id: 'mine', next: 2 });
    const repeated = await world.run(again.submit(write(7)));
    assert.deepEqual([repeated.id, repeated.duplicate], [second.id, true]);
    const other = await world.run(client.session().submit(write(7)));
    assert.equal(other.duplicate, false);
    assert.equal(world.size(), 3);
  });

  it('has at most so many on their way', async () => {
    const session = world.client().session({ inFlightMax: 3 });
    const all = Array.from({ length: 20 }, (_, i) => session.submit(write(i)));
    await world.run(Promise.all(all));
    assert.equal(world.node(0).most, 3);
    assert.equal(world.size(), 20);
  });

  it('settles an unknown outcome before it goes on', async () => {
    const session = world.client({ deadlineMs: 5_000 }).session({ id: 's' });
    await world.run(session.submit(write(1)));
    all(world, 'unsure');
    await assert.rejects(world.run(session.submit(write(2))), { code: 'client/outcome-unknown' });
    all(world, 'busy');
    const sent = world.node(0).keys.length;
    await assert.rejects(world.run(session.submit(write(3))), {
      code: 'client/session-unsettled',
      message: /write 2 of this session is still unknown; nothing of this one was sent/,
    });
    assert.ok(!world.node(0).keys.slice(sent).includes('s/3'), 'only write 2 was repeated');
    all(world, 'good');
    const third = await world.run(session.submit(write(3)));
    assert.deepEqual([third.sequence, third.offset], [3, 2]);
    assert.deepEqual(logOf(world), [1, 2, 3]);
    assert.deepEqual(await session.settle(), []);
  });

  it('tells what unsettled writes came to', async () => {
    const session = world.client({ deadlineMs: 5_000 }).session();
    await world.run(session.submit(write(1)));
    all(world, 'dead'); // nothing is taken, and nobody can know
    await assert.rejects(world.run(session.submit(write(2))), { code: 'client/outcome-unknown' });
    all(world, 'good');
    const [settled, ...others] = await world.run(session.settle());
    assert.deepEqual([settled?.sequence, settled?.submitted?.duplicate], [2, false]);
    assert.deepEqual(others, []);
    assert.deepEqual(logOf(world), [1, 2]);
  });

  it('is not held up by what was refused', async () => {
    const client = world.client({ deadlineMs: 2_000 });
    const session = client.session({ id: 's' });
    await world.run(client.submit({ ...write(9), idempotencyKey: 's/1' }));
    await assert.rejects(world.run(session.submit(write(1))), {
      code: 'notary/idempotency-conflict',
    });
    all(world, 'busy');
    await assert.rejects(world.run(session.submit(write(2))), { code: 'log/overloaded' });
    all(world, 'good');
    assert.equal((await world.run(session.submit(write(3)))).sequence, 3);
    assert.deepEqual(logOf(world), [9, 3]);
  });

  it('refuses ids and numbers that no key can have', () => {
    const client = world.client();
    for (const options of [{ id: '' }, { id: 'a/b' }, { id: 'x'.repeat(41) }, { next: 0 }]) {
      assert.throws(() => client.session(options), { code: 'client/invalid-argument' });
    }
    assert.throws(() => client.session({ inFlightMax: 0.5 }), { code: 'client/invalid-argument' });
  });

  it('has each write once and in order, whatever nodes do', async () => {
    const check = async (script: readonly Behaviour[], count: number) => {
      const of = new World();
      let at = 0;
      for (const number of [0, 1, 2]) of.node(number).behaviour = () => script[at++] ?? 'good';
      const session = of.client({ deadlineMs: 20_000 }).session();
      /** Numbers that are in the log, as the session says. */
      const taken: number[] = [];
      for (let number = 1; number <= count; number++) {
        const { sequence } = await of.run(session.submit(write(number))).catch(() => NOTHING);
        if (sequence > 0) taken.push(number);
      }
      of.now += 100_000; // liars are given another chance, and by now all are good
      at = script.length;
      const settled = await of.run(session.settle());
      const log = logOf(of);
      const inOrder = [...new Set(log)].sort((a, b) => a - b);
      assert.deepEqual(log, inOrder);
      assert.ok(taken.every((number) => log.includes(number)));
      assert.ok(settled.every(({ submitted }) => submitted !== undefined));
      assert.ok(log.length >= taken.length + settled.length);
    };
    const scripts = fc.array(fc.constantFrom<Behaviour>(...BEHAVIOURS), { maxLength: 40 });
    await fc.assert(fc.asyncProperty(scripts, fc.integer({ min: 1, max: 9 }), check), {
      numRuns: 60,
    });
  });
});

const NOTHING = { sequence: 0 };
const BEHAVIOURS = ['good', 'dead', 'silent', 'unsure', 'liar', 'garbage', 'busy'] as const;

function all(world: World, behaviour: Behaviour): void {
  for (const number of [0, 1, 2]) world.node(number).behaviour = behaviour;
}
