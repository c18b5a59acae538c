import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { clusterAccount, type TransactionBody } from '../../../chain/index.ts';
import { encodeMultihash } from '../../../receipt/index.ts';
import {
  accountOf,
  CLUSTER,
  feeAccountOf,
  make,
  NETWORK,
  ORIGIN,
  registration,
} from '../../support/chain.ts';
import { anchorOf, hex, Machine, RICH, transferOf } from '../../support/chain-machine.ts';

describe('execution of transactions', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });

  it('takes the fee from the payer to the proposer, and not below the minimum (X3)', async () => {
    const { bytes } = await make({ fee: 1_000n, body: transferOf(1n) });
    const least = 1_000n + 10n * BigInt(bytes.length);
    await machine.refuses({ fee: least - 1n, body: transferOf(1n) }, 'chain/fee-too-low', /X3/);
    await machine.applies({ fee: least, body: transferOf(1n) });
    assert.equal(machine.balance(feeAccountOf(0)), least);
    assert.equal(machine.balance(accountOf(0)), RICH - least - 1n);
  });

  it('wants the next nonce, and counts it (X4)', async () => {
    const bad = await machine.refuses({ nonce: 1n, body: transferOf(1n) }, 'chain/bad-nonce', /X4/);
    assert.deepEqual(bad.data, { expected: 0n, nonce: 1n });
    await machine.applies({ nonce: 0n, body: transferOf(1n) });
    await machine.refuses({ nonce: 0n, body: transferOf(1n) }, 'chain/bad-nonce', /next is 1/);
    assert.equal(machine.state.account(accountOf(0)).nonce, 1n);
  });

  it('wants what it moves and the fee together (X4)', async () => {
    const over = { fee: 10_000n, body: transferOf(RICH - 9_999n) };
    const short = await machine.refuses(over, 'chain/insufficient-balance', /X4/);
    assert.deepEqual(short.data, { balance: RICH, needed: RICH + 1n });
    await machine.applies({ fee: 10_000n, body: transferOf(RICH - 10_000n) });
    assert.equal(machine.balance(accountOf(0)), 0n);
    const poor = { from: 30, body: transferOf(0n) };
    await machine.refuses(poor, 'chain/insufficient-balance', /has 0/);
  });

  it('stands up to its last height and not behind it (X1)', async () => {
    await machine.refuses({ until: 6, body: transferOf(1n) }, 'chain/expired', /height 6/);
    await machine.applies({ until: 7, body: transferOf(1n) });
    await machine.applies({ until: 0, body: transferOf(1n) }, { height: 2 ** 50 });
  });

  it('transfers, to oneself and to the proposer too (X5)', async () => {
    await machine.applies({ body: transferOf(5n, accountOf(0)), fee: 10_000n });
    assert.equal(machine.balance(accountOf(0)), RICH - 10_000n);
    await machine.applies({ body: transferOf(5n, feeAccountOf(0)), fee: 10_000n });
    assert.equal(machine.balance(feeAccountOf(0)), 20_005n);
    await machine.applies({ body: transferOf(0n, accountOf(77)) });
    const entries = new Map([...machine.state.changes()].map(([k, v]) => [hex(k), v]));
    const untouched = `61${hex(accountOf(77))}`;
    assert.ok(entries.has(untouched));
    assert.equal(entries.get(untouched), undefined, 'an account of (0, 0) has no entry (X14)');
  });

  it('registers a cluster and funds its account (X6)', async () => {
    await machine.applies({ body: registration() });
    const cluster = machine.state.cluster(CLUSTER);
    assert.equal(cluster?.threshold, 2);
    assert.equal(machine.balance(clusterAccount(CLUSTER)), 50_000_000n);
    await machine.refuses({ from: 2, body: registration() }, 'chain/refused', /registered already/);
  });

  it('refuses a registration that breaks a rule (X6, T3)', async () => {
    const { keys } = registration();
    const [a, b, c] = keys;
    assert.ok(a && b && c);
    const foreign = { ...a, name: `pyralog/${NETWORK}/other/node-0` };
    const cases: [Parameters<typeof registration>[0], RegExp][] = [
      [{ name: 'No' }, /not a cluster name/],
      [{ name: 'other' }, /is not of/],
      [{ keys: [b, a, c] }, /ascending/],
      [{ keys: [a, a, b] }, /ascending/],
      [{ keys: [foreign, a, b].sort((x, y) => (x.name < y.name ? -1 : 1)) }, /is not of/],
      [{ keys: [a, { ...b, publicKey: a.publicKey }] }, /twice/],
      [{ keys: [] }, /1 to 64 keys/],
      [{ keys: [{ ...a, publicKey: new Uint8Array(32) }, b, c] }, /large order/],
      [{ threshold: 1 }, /majority/],
      [{ threshold: 4 }, /threshold/],
      [{ threshold: 2, faults: 1 }, /majority/],
      [{ submitters: [] }, /1 to 16/],
      [{ submitters: [accountOf(1), accountOf(1)] }, /ascending/],
    ];
    for (const [changes, reason] of cases) {
      const refused = await machine.refuses(
        { body: registration(changes) },
        'chain/refused',
        reason,
      );
      assert.deepEqual(refused.data, { rule: 'X6' });
    }
    const poor = registration({ deposit: RICH });
    await machine.refuses({ body: poor }, 'chain/insufficient-balance', /X4/);
  });

  it('notarizes: nonce and fee, nothing else (X8)', async () => {
    const digest = new Uint8Array(32).fill(9);
    const multihash = encodeMultihash({ algorithm: 'sha256', digest });
    await machine.applies({ body: { kind: 'notarize', multihash } });
    assert.equal(machine.snapshot().length, 2);
  });

  it('never creates or loses money, whatever is executed (X4)', async () => {
    await machine.applies({ body: registration() });
    const everyone = [...Array(25).keys()]
      .map(accountOf)
      .concat(clusterAccount(CLUSTER), feeAccountOf(0), feeAccountOf(1));
    const total = () => everyone.reduce((sum, key) => sum + machine.balance(key), 0n);
    const step = fc.record({
      from: fc.nat(24),
      to: fc.nat(everyone.length - 1),
      amount: fc.bigInt({ min: 0n, max: RICH }),
      fee: fc.bigInt({ min: 0n, max: 2_000_000n }),
      proposer: fc.nat(1),
      what: fc.constantFrom('transfer' as const, 'anchor' as const, 'register' as const),
      size: fc.integer({ min: 1, max: 20 }),
    });
    let applied = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        for (const { from, to, amount, fee, proposer, what, size } of steps) {
          const onChain = machine.state.log(ORIGIN)?.size ?? 0;
          const bodies: Record<typeof what, TransactionBody> = {
            transfer: transferOf(amount, everyone[to]),
            register: registration({ deposit: amount }),
            anchor: anchorOf(Math.min(onChain, size), size),
          };
          const body = bodies[what];
          const executed = await machine.run(
            { from: what === 'anchor' ? 1 : from, fee, body },
            { feeAccount: feeAccountOf(proposer) },
          );
          if (executed.ok) applied++;
          assert.equal(total(), 10n * RICH);
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(applied > 20, `${applied} applied`);
  });
});
