import { strict as assert } from 'node:assert';
import { clusterAccount } from '../../../chain/codec/state.ts';
import { signTransaction, transactionId } from '../../../chain/codec/transaction.ts';
import { createMempool } from '../../../chain/mempool/mempool.ts';
import type { TransactionBody } from '../../../chain/types.ts';
import { createSeedSigner } from '../../../consensus/index.ts';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { formatCheckpointBody, formatNote } from '../../../receipt/index.ts';
import {
  accountOf,
  FakeState,
  make,
  NETWORK,
  PARAMETERS,
  poolUnderTest,
} from '../../support/pool.ts';
import { realClock } from '../../support/real-clock.ts';
import { until } from '../../support/until.ts';

describe('mempool: admission (X16)', () => {
  it('takes what is right, and the same again as a success', async () => {
    const { pool, add, outcome } = poolUnderTest();
    const one = make();
    const [admission] = await add(one);
    assert.ok(admission?.ok && admission.fresh);
    assert.deepEqual(admission.id, one.id);
    assert.deepEqual(await outcome(one, one), ['again', 'again']);
    assert.deepEqual(pool.get(one.id)?.transaction, one.transaction);
    assert.deepEqual([pool.count, pool.bytes], [1, one.bytes.length]);
    assert.deepEqual(pool.status(one.id), { state: 'pending' });
  });

  it('names what is wrong, with the numbers, and who is to blame', async () => {
    const { state, add, outcome } = poolUnderTest();
    state.at = 9;
    state.set(accountOf(1), { nonce: 5n, balance: 10_000n });
    const cases: [Parameters<typeof make>[0], string][] = [
      [{ nonce: 4 }, 'chain/bad-nonce'],
      [{ nonce: 5 + 1_024 }, 'chain/mempool-full'],
      [{ nonce: 5 + 16_384 }, 'chain/mempool-full'],
      [{ nonce: 5 + 16_385 }, 'chain/bad-nonce'],
      [{ nonce: 5, fee: 1 }, 'chain/fee-too-low'],
      [{ nonce: 5, until: 9 }, 'chain/expired'],
      [{ nonce: 5, amount: 9_001n }, 'chain/insufficient-balance'],
      [{ nonce: 5, badlySigned: true }, 'chain/bad-signature!'],
      [{ nonce: 5, amount: 9_000n, until: 10 }, 'ok'],
    ];
    for (const [given, expected] of cases) {
      assert.deepEqual(await outcome(given ?? {}), [expected], JSON.stringify(given, String));
    }
    const [low] = await add({ nonce: 5, fee: 1, from: 2 });
    assert.ok(low !== undefined && !low.ok);
    const { length } = make({ nonce: 5, fee: 1, from: 2 }).bytes;
    assert.deepEqual(low.error.data, { fee: 1n, minimum: 100n + BigInt(length) });
    const [far] = await add({ nonce: 4 });
    assert.ok(far !== undefined && !far.ok);
    assert.equal(far.error.data['expected'], 5n);
  });

  it('judges each of a batch by itself, garbage too', async () => {
    const { pool } = poolUnderTest();
    const good = make();
    const answers = await pool.add([
      new Uint8Array(),
      new Uint8Array(70_000),
      good.bytes.subarray(0, -1),
      good.bytes,
      make({ from: 2, badlySigned: true }).bytes,
    ]);
    assert.deepEqual(
      answers.map((each) => (each.ok ? 'ok' : [each.error.code, each.fault].join())),
      [
        'chain/malformed,true',
        'chain/malformed,true',
        'chain/malformed,true',
        'ok',
        'chain/bad-signature,true',
      ],
    );
    assert.equal(pool.count, 1);
  });

  it('counts all that the payer has waiting', async () => {
    const { state, outcome } = poolUnderTest();
    state.set(accountOf(1), { balance: 3_000n });
    const each = { fee: 1_000, amount: 0n };
    const batch = [0, 1, 2, 3].map((nonce) => ({ ...each, nonce }));
    assert.deepEqual(await outcome(...batch), ['ok', 'ok', 'ok', 'chain/insufficient-balance']);
    // What is replaced no longer counts.
    assert.deepEqual(await outcome({ nonce: 2, fee: 1_100, amount: 0n }), [
      'chain/insufficient-balance',
    ]);
    state.set(accountOf(2), { balance: 1_500n });
    assert.deepEqual(await outcome({ from: 2, fee: 1_000, amount: 0n }), ['ok']);
    assert.deepEqual(await outcome({ from: 2, fee: 1_500, amount: 0n }), ['ok']);
  });

  it('checks real signatures natively, for this network only', async () => {
    const signer = createSeedSigner(new Uint8Array(32).fill(3));
    const unsigned = {
      sender: signer.publicKey,
      nonce: 0n,
      fee: 1_000n,
      until: 0,
      body: { kind: 'transfer', to: accountOf(9), amount: 5n } as const,
    };
    const ours = await signTransaction(unsigned, NETWORK, signer);
    const foreign = await signTransaction(unsigned, 'devnet-ffffffffffffffff', signer);
    const pool = createMempool({
      clock: realClock,
      state: new FakeState(),
      network: NETWORK,
      parameters: PARAMETERS,
      onBug: (bug) => assert.fail(String(bug)),
    });
    const answers = await pool.add([foreign.bytes, ours.bytes]);
    pool.stop();
    assert.deepEqual(
      answers.map((each) => each.ok),
      [false, true],
    );
  });

  it('looks at no signature of what it would refuse anyway', async () => {
    const { outcome, checks } = poolUnderTest({ countMax: 1 });
    await outcome({ fee: 5_000 });
    const spent = checks.count;
    await outcome({ from: 2, fee: 1_000 }, { nonce: 5_000 }, { fee: 1 }, { fee: 5_001 });
    assert.equal(checks.count, spent);
  });

  it('puts the checks of one turn together, and asks for one transaction once', async () => {
    const { pool, checks } = poolUnderTest();
    const same = make();
    const answers = await Promise.all([
      pool.add([same.bytes]),
      pool.add([same.bytes]),
      pool.add([make({ from: 2 }).bytes]),
    ]);
    assert.deepEqual([checks.calls, checks.count], [1, 2]);
    const fresh = answers.map(([each]) => each?.ok && each.fresh);
    assert.deepEqual(fresh, [true, false, true]);
  });

  it('takes a copy of what it is given', async () => {
    const { pool } = poolUnderTest();
    const { bytes, id } = make();
    const given = Uint8Array.from(bytes);
    await pool.add([given]);
    given.fill(0);
    assert.ok(Buffer.from(bytes).equals(pool.get(id)?.bytes ?? new Uint8Array()));
  });

  it('works the same on a state that takes its time', async () => {
    const { state, pool, outcome, best } = poolUnderTest();
    state.late = true;
    assert.deepEqual(await outcome({}, { nonce: 1 }, { from: 2, nonce: 1 }), ['ok', 'ok', 'ok']);
    state.set(accountOf(2), { nonce: 1n });
    pool.settle(1, [], [accountOf(2)]);
    assert.equal(await pool.nextNonce(accountOf(2)), 2n);
    assert.deepEqual(best().sort(), ['1:0', '1:1', '2:1']);
  });

  it('reads an account again when a block came in between', async () => {
    const { state, pool } = poolUnderTest();
    let answer: () => void = () => {};
    let asked = false;
    const real = state.account.bind(state);
    state.account = (key) => {
      const now = real(key);
      asked = true;
      return new Promise((resolve) => {
        answer = () => resolve(now);
      });
    };
    const adding = pool.add([make().bytes]);
    await until(() => asked);
    state.set(accountOf(1), { nonce: 1n });
    state.account = real;
    pool.settle(1, [], []);
    answer();
    const [admission] = await adding;
    assert.ok(admission !== undefined && !admission.ok);
    assert.equal(admission.error.code, 'chain/bad-nonce');
  });
});

describe('mempool: order (X17, X18)', () => {
  it('proposes the best paying sender first, each in nonce order', async () => {
    const { outcome, best } = poolUnderTest();
    await outcome(
      { from: 1, nonce: 0, fee: 1_000 },
      { from: 1, nonce: 1, fee: 90_000 },
      { from: 2, nonce: 0, fee: 2_000 },
      { from: 2, nonce: 1, fee: 1_500 },
      { from: 3, nonce: 0, fee: 1_200 },
    );
    assert.deepEqual(best(), ['2:0', '2:1', '3:0', '1:0', '1:1']);
  });

  it('proposes nothing behind a gap until it is filled, and says when it can', async () => {
    const { pool, outcome, best } = poolUnderTest();
    let told = 0;
    const forget = pool.onPending(() => told++);
    await outcome({ nonce: 1 }, { nonce: 2 }, { nonce: 4 });
    assert.deepEqual([best(), told, pool.hasPending], [[], 0, false]);
    assert.equal(await pool.nextNonce(accountOf(1)), 0n);
    await outcome({ nonce: 0 });
    assert.deepEqual([best(), told, pool.hasPending], [['1:0', '1:1', '1:2'], 1, true]);
    assert.equal(await pool.nextNonce(accountOf(1)), 3n);
    await outcome({ nonce: 3 });
    assert.deepEqual([best().length, told], [5, 1]);
    pool.settle(1, [], []);
    assert.equal(told, 2);
    forget();
    pool.settle(2, [], []);
    assert.equal(told, 2);
  });

  it('fills a block, passing over what does not fit and what stands behind it', async () => {
    const { add, best } = poolUnderTest();
    const note = 'x'.repeat(2_000);
    const evidence = { kind: 'evidence', notes: [note, note] } as const;
    const small = make({ from: 1, fee: 1_000 });
    await add(
      { from: 2, nonce: 0, fee: 1_000_000, body: evidence },
      { from: 2, nonce: 1, fee: 1_000_000 },
      small,
    );
    assert.deepEqual(best(), ['2:0', '2:1', '1:0']);
    assert.deepEqual(best(small.bytes.length), ['1:0']);
    assert.deepEqual(best(small.bytes.length - 1), []);
  });

  it('passes over what was dropped while the proposer reads, and what stands behind it', async () => {
    const { pool, outcome } = poolUnderTest();
    const first = make({ from: 2, nonce: 0, fee: 5_000 });
    await outcome(first, { from: 2, nonce: 1, fee: 5_000 }, { from: 1, fee: 4_000 });
    const read: string[] = [];
    for (const { id, transaction } of pool.best(1 << 20)) {
      read.push(`${transaction.nonce}`);
      if (read.length === 1) pool.drop(id, 'chain/refused', 'X6');
    }
    assert.deepEqual(read, ['0', '0']);
    assert.deepEqual(pool.status(first.id), {
      state: 'dropped',
      code: 'chain/refused',
      reason: 'X6',
    });
  });

  it('replaces only for a tenth more, and at least one', async () => {
    const { pool, outcome, best } = poolUnderTest();
    const old = make({ fee: 1_000 });
    await outcome(old, { nonce: 1 });
    assert.deepEqual(await outcome({ fee: 1_099 }, { fee: 1_100 }), ['chain/fee-too-low', 'ok']);
    assert.deepEqual(best(), ['1:0', '1:1']);
    assert.equal(pool.count, 2);
    const status = pool.status(old.id);
    assert.ok(status?.state === 'dropped' && status.code === 'chain/fee-too-low');
    // The one that was replaced does not come back for less.
    assert.deepEqual(await outcome(old), ['chain/fee-too-low']);
  });

  it('tells of each that leaves without a block, once its reason can be asked for', async () => {
    const { pool, outcome } = poolUnderTest();
    const told: (readonly [Uint8Array, string | undefined])[] = [];
    const forget = pool.onDropped((id) => told.push([id, pool.status(id)?.state]));
    const old = make({ nonce: 0 });
    assert.deepEqual(await outcome(old), ['ok']);
    assert.deepEqual(await outcome({ nonce: 0, fee: 1_200 }), ['ok']);
    assert.deepEqual(told, [[old.id, 'dropped']]);
    forget();
    assert.deepEqual(await outcome({ nonce: 0, fee: 2_000 }), ['ok']);
    assert.equal(told.length, 1);
  });

  it('holds 1,024 of a sender and no more', async () => {
    const { outcome } = poolUnderTest();
    const all = Array.from({ length: 1_025 }, (_, nonce) => ({ nonce }));
    const outcomes = await outcome(...all);
    assert.equal(outcomes.filter((each) => each === 'ok').length, 1_024);
    assert.equal(outcomes.at(-1), 'chain/mempool-full');
    assert.deepEqual(await outcome({ nonce: 5, fee: 1_100 }), ['ok']);
  });

  it('always has room for what fills a gap', async () => {
    const { outcome, best } = poolUnderTest();
    const behind = Array.from({ length: 1_024 }, (_, i) => ({ nonce: i + 1 }));
    const outcomes = await outcome(...behind);
    assert.equal(outcomes.filter((each) => each === 'ok').length, 1_023);
    assert.equal(outcomes.at(-1), 'chain/mempool-full');
    assert.deepEqual(best(), []);
    assert.deepEqual(await outcome({ nonce: 0 }), ['ok']);
    assert.equal(best().length, 1_024);
  });
});

describe('mempool: room and time (X19)', () => {
  it('does not count what expires with a block against the money that is left', async () => {
    const { state, outcome, pool } = poolUnderTest();
    state.set(accountOf(1), { nonce: 0n, balance: 10_000n });
    const both = await outcome(
      { nonce: 0, fee: 1_000, amount: 4_000n, until: 1 },
      { nonce: 1, fee: 1_000, amount: 4_000n },
    );
    assert.deepEqual(both, ['ok', 'ok']);
    state.at = 1;
    state.set(accountOf(1), { nonce: 0n, balance: 5_000n });
    pool.settle(1, [], [accountOf(1)]);
    assert.equal(pool.count, 1);
  });

  it('gives a place only to who pays more per byte than the worst last of a sender', async () => {
    const { pool, add, outcome, best } = poolUnderTest({ countMax: 3 });
    const worst = make({ from: 3, fee: 1_500 });
    await outcome({ from: 1, fee: 2_000 }, { from: 2, fee: 3_000 }, worst);
    const [refused] = await add({ from: 4, fee: 1_500 });
    assert.ok(refused !== undefined && !refused.ok);
    assert.equal(refused.error.code, 'chain/mempool-full');
    assert.ok(Number(refused.error.data['retryAfterMs']) > 0);
    assert.deepEqual(await outcome({ from: 4, fee: 1_600 }), ['ok']);
    assert.deepEqual(best(), ['2:0', '1:0', '4:0']);
    const status = pool.status(worst.id);
    assert.ok(status?.state === 'dropped' && status.code === 'chain/mempool-full');
  });

  it('makes room in bytes, for all of it or not at all', async () => {
    const note = 'x'.repeat(500);
    const large = make({ from: 9, fee: 200_000, body: { kind: 'evidence', notes: [note, note] } });
    const small = make({ from: 1, fee: 2_000 });
    const { pool, outcome } = poolUnderTest({ bytesMax: large.bytes.length + 50 });
    const count = Math.floor((large.bytes.length + 50) / small.bytes.length);
    const many = Array.from({ length: count }, (_, i) => ({ from: 1 + i, fee: 2_000 }));
    await outcome(...many);
    assert.equal(pool.count, count);
    const poor = make({ from: 9, fee: 3_000, body: { kind: 'evidence', notes: [note, note] } });
    assert.deepEqual(await outcome(poor), ['chain/mempool-full']);
    assert.equal(pool.count, count, 'a refused one pushes nothing out');
    assert.deepEqual(await outcome(large), ['ok']);
    assert.ok(pool.bytes <= large.bytes.length + 50);
  });

  it('lets no one push out his own predecessors', async () => {
    const { outcome, best } = poolUnderTest({ countMax: 2 });
    await outcome({ nonce: 0, fee: 1_000 }, { nonce: 1, fee: 1_000 });
    assert.deepEqual(await outcome({ nonce: 2, fee: 9_000 }), ['chain/mempool-full']);
    assert.deepEqual(best(), ['1:0', '1:1']);
  });

  it('answers sooner the faster blocks drain it', async () => {
    const waits: number[] = [];
    for (const perBlock of [0, 1, 50]) {
      const { pool, add, clock } = poolUnderTest({ countMax: 1_000 });
      const all = Array.from({ length: 1_000 }, (_, i) => make({ from: i + 1, fee: 1_000 }));
      await add(...all);
      for (let block = 0; block < 10 && perBlock > 0; block++) {
        clock.schedule(clock.monotonic() + 200, () => {
          const taken = all.splice(0, perBlock).map(({ id }) => id);
          pool.settle(block + 1, taken, []);
        });
        clock.advance();
      }
      await add(...Array.from({ length: 600 }, (_, i) => make({ from: 5_000 + i, fee: 1_000 })));
      const [refused] = await add({ from: 9_999, fee: 1_000 });
      assert.ok(refused !== undefined && !refused.ok);
      waits.push(Number(refused.error.data['retryAfterMs']));
      pool.stop();
    }
    const [unknown, slow, fast] = waits;
    assert.equal(unknown, 1_000);
    assert.ok(slow !== undefined && fast !== undefined && fast < slow, waits.join());
  });

  it('forgets after ten minutes what no block takes, by the clock handed to it', async () => {
    const { pool, add, clock } = poolUnderTest({ waitMsMax: 600_000 });
    const early = make();
    await add(early);
    clock.schedule(400_000, () => {});
    clock.advance();
    await add({ from: 2 });
    assert.ok(clock.advance());
    assert.deepEqual([clock.monotonic(), pool.count], [600_000, 1]);
    const status = pool.status(early.id);
    assert.ok(status?.state === 'dropped' && status.code === 'chain/expired');
    assert.ok(clock.advance());
    assert.deepEqual([clock.monotonic(), pool.count], [1_000_000, 0]);
    assert.equal(clock.advance(), false, 'an empty pool keeps no timer');
  });

  it('takes what execution refused for good only after a while, whoever repeats it', async () => {
    const clock = new SimClock();
    const { pool, add, outcome } = poolUnderTest({}, clock);
    const one = make();
    await add(one);
    pool.drop(one.id, 'chain/refused', 'the name is taken (X6)');
    assert.deepEqual(await outcome(one), ['chain/refused']);
    assert.equal(pool.status(one.id)?.state, 'dropped');
    clock.schedule(clock.monotonic() + 30_000, () => {});
    clock.advance();
    assert.deepEqual(await outcome(one), ['ok']);
  });

  it('remembers a bounded number of reasons', async () => {
    const { pool, add } = poolUnderTest({ droppedMax: 2 });
    const all = [1, 2, 3].map((from) => make({ from }));
    await add(...all);
    for (const { id } of all) pool.drop(id, 'chain/insufficient-balance', 'no');
    const states = all.map(({ id }) => pool.status(id)?.state);
    assert.deepEqual(states, [undefined, 'dropped', 'dropped']);
    const [again] = await add(all[1] ?? {});
    assert.ok(again?.ok);
    assert.deepEqual(pool.status(all[1]?.id ?? new Uint8Array()), { state: 'pending' });
  });
});

describe('mempool: blocks', () => {
  it('lets go of what became final, and of what that made impossible', async () => {
    const { pool, state, add, best } = poolUnderTest();
    const [a, b, c] = [0, 1, 2].map((nonce) => make({ nonce, fee: 1_000, amount: 0n }));
    assert.ok(a && b && c);
    await add(a, b, c);
    // Another node's transaction took nonce 1.
    state.set(accountOf(1), { nonce: 2n, balance: 1_000n });
    state.at = 1;
    pool.settle(1, [a.id], [accountOf(1)]);
    assert.deepEqual(best(), ['1:2']);
    assert.equal(pool.status(a.id), undefined);
    const status = pool.status(b.id);
    assert.ok(status?.state === 'dropped' && status.code === 'chain/bad-nonce');
    state.set(accountOf(1), { balance: 999n });
    pool.settle(2, [], [accountOf(1)]);
    assert.deepEqual([best(), pool.count], [[], 0]);
    const poor = pool.status(c.id);
    assert.ok(poor?.state === 'dropped' && poor.code === 'chain/insufficient-balance');
  });

  it('lets go of the highest nonces when the money runs out', async () => {
    const { pool, state, outcome, best } = poolUnderTest();
    await outcome(...[0, 1, 2, 3].map((nonce) => ({ nonce, fee: 1_000, amount: 0n })));
    state.set(accountOf(1), { balance: 2_500n });
    pool.settle(1, [], [accountOf(1)]);
    assert.deepEqual(best(), ['1:0', '1:1']);
  });

  it('lets go of what may stand in no further block', async () => {
    const { pool, state, add } = poolUnderTest();
    const all = [1, 2, 3].map((until) => make({ from: until, until }));
    await add(...all);
    state.at = 2;
    pool.settle(2, [], []);
    assert.deepEqual(
      all.map(({ id }) => pool.status(id)?.state),
      ['dropped', 'dropped', 'pending'],
    );
  });

  it('refuses what was executed already', async () => {
    const { pool, state, add, outcome } = poolUnderTest();
    const one = make();
    await add(one);
    state.set(accountOf(1), { nonce: 1n });
    pool.settle(1, [one.id], [accountOf(1)]);
    assert.deepEqual(await outcome(one), ['chain/bad-nonce']);
  });
});

describe('mempool: anchors (X7, X16)', () => {
  const origin = `pyralog/${NETWORK}/acme/notary/0`;
  const anchorOf = (size: number): TransactionBody => {
    const root = new Uint8Array(32);
    const body = formatCheckpointBody({ origin, size, root, epoch: 1, time: 1 });
    const signatures = [{ name: 'acme/n', keyId: '00112233', signature: new Uint8Array(76) }];
    return { kind: 'anchor', note: formatNote({ body, signatures }), from: 0, paths: [[]] };
  };

  it('takes the fee from the cluster, and only from submitters', async () => {
    const { state, outcome, pool } = poolUnderTest();
    const body = anchorOf(5);
    const anchor = { fee: 20_000, body } as const;
    assert.deepEqual(await outcome(anchor), ['chain/refused']);
    state.clusters.set('acme', {
      name: 'acme',
      account: clusterAccount('acme'),
      keys: [],
      threshold: 1,
      faults: 0,
      submitters: [accountOf(1)],
    });
    state.set(accountOf(1), { balance: 0n });
    state.set(clusterAccount('acme'), { balance: 20_000n });
    assert.deepEqual(await outcome({ ...anchor, from: 2 }), ['chain/refused']);
    assert.deepEqual(await outcome(anchor, { ...anchor, nonce: 1 }), [
      'ok',
      'chain/insufficient-balance',
    ]);
    // A newer anchor takes the place of the one that waits.
    state.set(clusterAccount('acme'), { balance: 22_000n });
    pool.settle(1, [], [clusterAccount('acme')]);
    assert.deepEqual(await outcome({ fee: 22_000, body: anchorOf(6) }), ['ok']);
    assert.equal(pool.count, 1);
    state.set(clusterAccount('acme'), { balance: 21_999n });
    pool.settle(2, [], [clusterAccount('acme')]);
    assert.equal(pool.count, 0);
  });

  it('refuses the logs of other networks, and notes that are none', async () => {
    const { outcome } = poolUnderTest();
    const body = anchorOf(5);
    assert.ok(body.kind === 'anchor');
    const foreign = body.note.replace(NETWORK, 'devnet-ffffffffffffffff');
    assert.deepEqual(
      await outcome(
        { fee: 20_000, body: { ...body, note: foreign } },
        { fee: 20_000, body: { ...body, note: 'nonsense' } },
      ),
      ['chain/refused', 'chain/malformed!'],
    );
  });
});

it('the id of a transaction is that of the codec', async () => {
  const { add } = poolUnderTest();
  const { bytes } = make();
  const [admission] = await add({ bytes, id: new Uint8Array(), transaction: make().transaction });
  assert.ok(admission?.ok);
  assert.deepEqual(admission.id, transactionId(bytes));
});
