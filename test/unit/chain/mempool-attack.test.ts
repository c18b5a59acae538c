/** What strangers try against a mempool, and what it costs whom (X16 to X20). */
import { strict as assert } from 'node:assert';
import { seededRandom } from '../../../devnet/sim/random.ts';
import { accountOf, make, poolUnderTest } from '../../support/pool.ts';

describe('mempool under attack', () => {
  it('a flood of far nonces pushes out nothing that can be executed', async () => {
    const { outcome, best, pool } = poolUnderTest({ countMax: 100 });
    const honest = Array.from({ length: 90 }, (_, i) => make({ from: i + 1, fee: 500 }));
    await outcome(...honest);
    // Ten find room; the others pay a hundred times as much, for nothing that will ever be charged.
    const flood = Array.from({ length: 500 }, (_, i) =>
      make({ from: 1_000 + i, nonce: 7, fee: 50_000 }),
    );
    const outcomes = await outcome(...flood);
    assert.equal(outcomes.filter((each) => each === 'ok').length, 10);
    assert.equal(best().length, 90);
    // And it goes first when somebody needs the room.
    const late = Array.from({ length: 10 }, (_, i) => make({ from: 5_000 + i, fee: 500 }));
    assert.deepEqual(
      await outcome(...late),
      late.map(() => 'ok'),
    );
    assert.deepEqual([best().length, pool.count], [100, 100]);
  });

  it('one sender with thousands gets a bounded part, and others get through', async () => {
    const { outcome, pool, best } = poolUnderTest({ countMax: 3_000 });
    const many = Array.from({ length: 5_000 }, (_, nonce) => make({ nonce, fee: 900 }));
    const outcomes = await outcome(...many);
    assert.equal(outcomes.filter((each) => each === 'ok').length, 1_024);
    assert.ok(outcomes.slice(1_024).every((each) => each === 'chain/mempool-full'));
    assert.deepEqual(await outcome({ from: 2, fee: 1_000 }), ['ok']);
    assert.equal(best()[0], '2:0');
    assert.equal(pool.count, 1_025);
  });

  it('sniping by the smallest sum more is refused, and costs no signature check', async () => {
    const { outcome, checks } = poolUnderTest();
    await outcome({ fee: 1_000 });
    const spent = checks.count;
    const sniped = Array.from({ length: 99 }, (_, i) => make({ fee: 1_001 + i }));
    assert.deepEqual(
      await outcome(...sniped),
      sniped.map(() => 'chain/fee-too-low'),
    );
    assert.equal(checks.count, spent);
  });

  it('what was executed cannot be replayed, whatever was in between', async () => {
    const { outcome, pool, state } = poolUnderTest();
    const spent = [0, 1, 2].map((nonce) => make({ nonce }));
    await outcome(...spent);
    state.set(accountOf(1), { nonce: 3n });
    pool.settle(
      1,
      spent.map(({ id }) => id),
      [accountOf(1)],
    );
    assert.deepEqual(
      await outcome(...spent),
      spent.map(() => 'chain/bad-nonce'),
    );
    assert.equal(pool.count, 0);
  });

  it('random bytes and broken copies are values, never exceptions', async () => {
    const random = seededRandom(5);
    const { pool } = poolUnderTest();
    const { bytes } = make();
    const garbage = Array.from({ length: 400 }, (_, i) => {
      if (i % 2 === 0) {
        return Uint8Array.from({ length: Math.floor(random() * 300) }, () => random() * 256);
      }
      const broken = Uint8Array.from(bytes);
      // Not in the signature, which is bad only when it begins with 0xff here.
      const at = Math.floor(random() * (bytes.length - 66));
      broken[at] = (broken[at] ?? 0) ^ (1 + Math.floor(random() * 255));
      return broken;
    });
    const answers = await pool.add(garbage);
    assert.equal(answers.length, garbage.length);
    for (const [i, answer] of answers.entries()) {
      if (i % 2 === 0)
        assert.ok(!answer.ok && answer.fault && answer.error.code === 'chain/malformed');
      else if (!answer.ok) assert.match(answer.error.code, /^chain\//);
    }
  });

  it('eviction ends: what was pushed out comes back only for more', async () => {
    const { outcome, pool } = poolUnderTest({ countMax: 2 });
    let fee = 1_000;
    await outcome({ from: 1, fee }, { from: 2, fee });
    for (let round = 0; round < 50; round++) {
      const [a, b] = [10 + 2 * round, 11 + 2 * round];
      assert.deepEqual(
        await outcome({ from: a, fee }, { from: b, fee }),
        ['chain/mempool-full', 'chain/mempool-full'],
        'an equal price buys nothing',
      );
      fee += 10;
      assert.deepEqual(await outcome({ from: a, fee }, { from: b, fee }), ['ok', 'ok']);
      assert.equal(pool.count, 2);
    }
  });

  it('an account that spent its money elsewhere takes all that waited on it along', async () => {
    const { outcome, pool, state } = poolUnderTest({ countMax: 2_000 });
    await outcome(...Array.from({ length: 1_000 }, (_, nonce) => make({ nonce, amount: 0n })));
    state.set(accountOf(1), { balance: 0n });
    pool.settle(1, [], [accountOf(1)]);
    assert.deepEqual([pool.count, pool.bytes], [0, 0]);
    assert.deepEqual(await outcome({ nonce: 0, amount: 0n }), ['chain/insufficient-balance']);
  });

  it('holds its bounds whatever comes', async () => {
    const random = seededRandom(11);
    const bytesMax = 8_000;
    const { add, pool, state } = poolUnderTest({ countMax: 40, bytesMax });
    for (let i = 0; i < 1_500; i++) {
      const from = 1 + Math.floor(random() * 30);
      const note = 'x'.repeat(Math.floor(random() * 600));
      const body = { kind: 'evidence', notes: [note, note] } as const;
      await add({
        from,
        nonce: Math.floor(random() * 6),
        fee: 300 + Math.floor(random() * 9_000),
        ...(random() < 0.3 ? { body } : {}),
      });
      if (i % 50 === 0) {
        state.at++;
        const gone = [...pool.best(1_000)].map(({ id }) => id);
        pool.settle(state.at, gone, []);
      }
      assert.ok(pool.count <= 40 && pool.bytes <= bytesMax, `after ${i}`);
    }
    let bytes = 0;
    for (const entry of pool.best(1 << 20)) bytes += entry.bytes.length;
    assert.ok(bytes <= pool.bytes);
  });
});
