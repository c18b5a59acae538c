/** The mempool against a model that does the same by looking at everything every time. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { minimumFee } from '../../../chain/codec/transaction.ts';
import {
  accountOf,
  type Made,
  make,
  nameOf,
  PARAMETERS,
  type PoolUnderTest,
  poolUnderTest,
} from '../../support/pool.ts';

const COUNT_MAX = 5;
const BALANCE = 40_000n;

interface Kept extends Made {
  readonly order: number;
}

/** X16 to X19, written down as they are read. */
class Model {
  kept: Kept[] = [];
  readonly nonces = new Map<number, bigint>();
  readonly balances = new Map<number, bigint>();
  height = 0;
  #order = 0;

  nonce = (from: number) => this.nonces.get(from) ?? 0n;
  balance = (from: number) => this.balances.get(from) ?? BALANCE;

  add(from: number, one: Made): string {
    const { nonce, fee, until } = one.transaction;
    if (fee < minimumFee(one.bytes.length, PARAMETERS)) return 'chain/fee-too-low';
    if (this.kept.some(({ id }) => Buffer.from(id).equals(one.id))) return 'again';
    if (until > 0 && until <= this.height) return 'chain/expired';
    const ahead = nonce - this.nonce(from);
    if (ahead < 0n || ahead > 16_384n) return 'chain/bad-nonce';
    const replaced = this.of(from).find(({ transaction }) => transaction.nonce === nonce);
    if (replaced !== undefined && fee < replacing(replaced)) return 'chain/fee-too-low';
    if (ahead >= 1_024n) return 'chain/mempool-full';
    const others = this.kept.filter((each) => each !== replaced);
    const pledged = others
      .filter((each) => sender(each) === from)
      .reduce((s, e) => s + cost(e), 0n);
    if (pledged + cost(one) > this.balance(from)) return 'chain/insufficient-balance';
    const order = this.#order;
    let left = others;
    while (left.length >= COUNT_MAX) {
      const worst = this.worst(left, from, nonce);
      const ready = this.readyWith(left, from, nonce);
      if (worst === undefined || !below(rankIn(left, worst, this), [ready, rate(one)])) {
        return 'chain/mempool-full';
      }
      left = left.filter((each) => each !== worst);
    }
    this.kept = [...left, { ...one, order }];
    this.#order++;
    return 'ok';
  }

  of(from: number, list = this.kept): Kept[] {
    return list
      .filter((each) => sender(each) === from)
      .sort((a, b) => (a.transaction.nonce < b.transaction.nonce ? -1 : 1));
  }

  /** Of a sender, what stands before the first gap. */
  ready(from: number, list = this.kept): Kept[] {
    const line = this.of(from, list);
    const gap = line.findIndex((e, i) => e.transaction.nonce !== this.nonce(from) + BigInt(i));
    return gap < 0 ? line : line.slice(0, gap);
  }

  readyWith(list: Kept[], from: number, nonce: bigint): boolean {
    return nonce <= this.nonce(from) + BigInt(this.ready(from, list).length);
  }

  worst(list: Kept[], from: number, nonce: bigint): Kept | undefined {
    const lasts = senders(list)
      .map((each) => this.of(each, list).at(-1))
      .filter((each) => each !== undefined)
      .filter((each) => sender(each) !== from || each.transaction.nonce > nonce);
    return lasts.sort((a, b) => {
      const [x, y] = [rankIn(list, a, this), rankIn(list, b, this)];
      if (below(x, y)) return -1;
      return below(y, x) ? 1 : b.order - a.order;
    })[0];
  }

  best(bytesMax: number): string[] {
    const lines = senders(this.kept).map((from) => this.ready(from));
    const taken: string[] = [];
    let left = bytesMax;
    for (;;) {
      const heads = lines.filter((line) => line.length > 0);
      heads.sort(([a], [b]) => (a && b ? rate(b) - rate(a) || a.order - b.order : 0));
      const line = heads[0];
      const head = line?.shift();
      if (line === undefined || head === undefined) return taken;
      if (head.bytes.length > left) line.length = 0;
      else {
        left -= head.bytes.length;
        taken.push(nameOf(head));
      }
    }
  }

  settle(from: number, nonce: bigint, balance: bigint): void {
    this.height++;
    this.nonces.set(from, nonce);
    this.balances.set(from, balance);
    this.kept = this.kept.filter(
      ({ transaction: { until } }) => until === 0 || until > this.height,
    );
    this.kept = this.kept.filter((e) => sender(e) !== from || e.transaction.nonce >= nonce);
    for (let line = this.of(from); ; line = this.of(from)) {
      if (line.reduce((sum, each) => sum + cost(each), 0n) <= balance) return;
      const last = line.at(-1);
      this.kept = this.kept.filter((each) => each !== last);
    }
  }
}

function rankIn(list: Kept[], one: Kept, model: Model): [boolean, number] {
  return [model.ready(sender(one), list).includes(one), rate(one)];
}

function below([readyA, rateA]: [boolean, number], [readyB, rateB]: [boolean, number]): boolean {
  return readyA === readyB ? rateA < rateB : readyB;
}

const rate = ({ transaction, bytes }: Made) => Number(transaction.fee) / bytes.length;
const senders = (list: Kept[]) => [...new Set(list.map(sender))];

/** Least fee that takes the place of this one (X18). */
function replacing({ transaction: { fee } }: Made): bigint {
  const tenthMore = (11n * fee + 9n) / 10n;
  return tenthMore > fee + 1n ? tenthMore : fee + 1n;
}

function sender({ transaction }: Made): number {
  return new DataView(transaction.sender.buffer, transaction.sender.byteOffset).getUint32(0);
}

function cost({ transaction: { fee, body } }: Made): bigint {
  return fee + (body.kind === 'transfer' ? body.amount : 0n);
}

const submission = fc.record({
  kind: fc.constant('add' as const),
  from: fc.integer({ min: 1, max: 4 }),
  nonce: fc.oneof(
    { weight: 9, arbitrary: fc.nat(5) },
    { weight: 1, arbitrary: fc.constant(2_000) },
  ),
  // Few different ones, so that equal prices meet.
  fee: fc.oneof(
    fc.integer({ min: 1, max: 6 }).map((n) => n * 500),
    fc.integer({ min: 200, max: 9_000 }),
  ),
  amount: fc.oneof(fc.constant(5n), fc.bigInt(0n, 9_000n)),
  until: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) }),
});
const block = fc.record({
  kind: fc.constant('block' as const),
  from: fc.integer({ min: 1, max: 4 }),
  by: fc.nat(3),
  balance: fc.bigInt(0n, BALANCE),
});

describe('mempool against a naive model (X16 to X19)', () => {
  it('admits, replaces, evicts, proposes and settles as the model does', async () => {
    const commands = fc.array(fc.oneof({ weight: 5, arbitrary: submission }, block), {
      minLength: 10,
      maxLength: 60,
    });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(commands, fc.nat(2_000), async (all, bytesMax) => {
        const under = poolUnderTest({ countMax: COUNT_MAX });
        for (const from of [1, 2, 3, 4]) under.state.set(accountOf(from), { balance: BALANCE });
        const model = new Model();
        for (const command of all) {
          if (command.kind === 'add') {
            const one = make(command);
            const expected = model.add(command.from, one);
            seen.add(expected);
            assert.deepEqual(await under.outcome(one), [expected]);
          } else {
            settleBoth(under, model, command);
          }
          assert.deepEqual(under.best(), model.best(1 << 20));
          assert.deepEqual(under.best(bytesMax), model.best(bytesMax));
          assert.equal(under.pool.count, model.kept.length);
          const bytes = model.kept.reduce((sum, each) => sum + each.bytes.length, 0);
          assert.equal(under.pool.bytes, bytes);
        }
        under.pool.stop();
      }),
      { numRuns: 300 },
    );
    const outcomes = ['again', 'bad-nonce', 'expired', 'fee-too-low', 'insufficient-balance'];
    for (const each of [...outcomes.slice(1), 'mempool-full'].map((code) => `chain/${code}`)) {
      assert.ok(seen.has(each), `${each} never came up`);
    }
  });
});

function settleBoth(
  { pool, state }: PoolUnderTest,
  model: Model,
  { from, by, balance }: { from: number; by: number; balance: bigint },
): void {
  const executed = model.ready(from).slice(0, by);
  const nonce = model.nonce(from) + BigInt(by);
  model.settle(from, nonce, balance);
  state.set(accountOf(from), { nonce, balance });
  state.at = model.height;
  pool.settle(
    model.height,
    executed.map(({ id }) => id),
    [accountOf(from)],
  );
}
