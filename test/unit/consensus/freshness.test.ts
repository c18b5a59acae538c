import { strict as assert } from 'node:assert';
import { PyralogError } from '../../../base/errors.ts';
import { Freshnesses } from '../../../consensus/index.ts';

/** A clock and a leader of a test's making. */
function world() {
  const state = {
    now: 1_000,
    asked: 0,
    /** Takes so long to answer; `undefined` = no leader does. */
    takesMs: 5 as number | undefined,
    leader: { name: 'node-1', rpc: 'http://127.0.0.1:7070' } as { name: string } | undefined,
  };
  const freshnesses = new Freshnesses({
    now: () => state.now,
    async readIndex() {
      state.asked++;
      const takes = state.takesMs;
      await Promise.resolve();
      if (takes === undefined) throw new PyralogError('log/not-leader', 'nobody answered');
      state.now += takes;
    },
    leader: () => Promise.resolve(state.leader),
  });
  return { state, freshnesses };
}

const LINEARIZABLE = { kind: 'linearizable' } as const;
const within = (maxStalenessMs: number) => ({ kind: 'bounded', maxStalenessMs }) as const;

describe('freshness of a member (R14)', () => {
  it('asks a leader for each linearizable read', async () => {
    const { state, freshnesses } = world();
    assert.equal(await freshnesses.reach(0, LINEARIZABLE), 5);
    assert.equal(await freshnesses.reach(0, LINEARIZABLE), 5);
    assert.equal(state.asked, 2);
  });

  it('never answers a linearizable read with a question that began before it', async () => {
    const { state, freshnesses } = world();
    const first = freshnesses.reach(0, LINEARIZABLE);
    state.now += 1; // something may have been acknowledged meanwhile
    const second = freshnesses.reach(0, LINEARIZABLE);
    await Promise.all([first, second]);
    assert.equal(state.asked, 2);
  });

  it('answers from what was confirmed lately, counted from the beginning of the question', async () => {
    const { state, freshnesses } = world();
    state.takesMs = 40;
    assert.equal(await freshnesses.reach(0, within(100)), 40);
    state.now += 60;
    assert.equal(await freshnesses.reach(0, within(100)), 100);
    assert.equal(state.asked, 1);
    state.now += 1;
    assert.equal(await freshnesses.reach(0, within(100)), 40);
    assert.equal(state.asked, 2);
  });

  it('asks once for all who wait, and of each partition for itself', async () => {
    const { state, freshnesses } = world();
    await Promise.all([
      freshnesses.reach(0, within(100)),
      freshnesses.reach(0, within(200)),
      freshnesses.reach(1, within(100)),
    ]);
    assert.equal(state.asked, 2);
  });

  it('keeps the newest mark, whichever question is answered last', async () => {
    const ends: (() => void)[] = [];
    let now = 0;
    const freshnesses = new Freshnesses({
      now: () => now,
      readIndex: () => new Promise<void>((end) => ends.push(end)),
      leader: () => Promise.resolve(undefined),
    });
    const old = freshnesses.reach(0, LINEARIZABLE);
    now = 50;
    const young = freshnesses.reach(0, LINEARIZABLE);
    ends[1]?.();
    await young;
    ends[0]?.();
    assert.equal(await old, 50);
    assert.equal(await freshnesses.reach(0, within(10)), 0);
  });

  it('says who to ask when no leader confirms, and how old it is', async () => {
    const { state, freshnesses } = world();
    state.takesMs = undefined;
    await assert.rejects(freshnesses.reach(0, LINEARIZABLE), {
      code: 'consensus/too-stale',
      message: /nothing is known of how new it is; ask node-1 at http:\/\/127\.0\.0\.1:7070/,
    });
    state.takesMs = 0;
    await freshnesses.reach(0, within(100));
    state.takesMs = undefined;
    state.now += 300;
    assert.equal(await freshnesses.reach(0, within(300)), 300);
    state.leader = undefined;
    await assert.rejects(freshnesses.reach(0, within(200)), (error: PyralogError) => {
      assert.match(error.message, /it is 300 ms old; nobody else is known to lead it/);
      assert.deepEqual(error.data, { partition: 0, stalenessMs: 300 });
      return true;
    });
  });

  it('leaves other failures as they are', async () => {
    const freshnesses = new Freshnesses({
      now: () => 0,
      readIndex: () => Promise.reject(new PyralogError('log/closed', 'closed')),
      leader: () => Promise.resolve(undefined),
    });
    await assert.rejects(freshnesses.reach(0, LINEARIZABLE), { code: 'log/closed' });
  });
});
