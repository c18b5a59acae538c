/** A mempool over a state that the test writes, with signatures that are good unless they begin with 0xff. */
import { strict as assert } from 'node:assert';
import { encodeTransaction, transactionId } from '../../chain/codec/transaction.ts';
import { createMempool, type MempoolOptions } from '../../chain/mempool/mempool.ts';
import type { Admission, Mempool, StateReads } from '../../chain/mempool/types.ts';
import type { Account, Cluster, Transaction, TransactionBody } from '../../chain/types.ts';
import { SimClock } from '../../devnet/sim/clock.ts';

export const NETWORK = 'devnet-0011223344556677';
export const PARAMETERS = { feeBase: 100n, feePerByte: 1n };

/** A state that a test writes; `late` makes it answer with promises. */
export class FakeState implements StateReads {
  readonly accounts = new Map<string, Account>();
  readonly clusters = new Map<string, Cluster>();
  reads = 0;
  at = 0;
  late = false;

  account(key: Uint8Array): Account | Promise<Account> {
    this.reads++;
    const found = this.accounts.get(Buffer.from(key).toString('hex')) ?? RICH;
    return this.late ? Promise.resolve(found) : found;
  }

  cluster(name: string): Cluster | undefined | Promise<Cluster | undefined> {
    return this.late ? Promise.resolve(this.clusters.get(name)) : this.clusters.get(name);
  }

  height(): number {
    return this.at;
  }

  set(key: Uint8Array, account: Partial<Account>): void {
    const name = Buffer.from(key).toString('hex');
    this.accounts.set(name, { ...(this.accounts.get(name) ?? RICH), ...account });
  }
}

const RICH: Account = { nonce: 0n, balance: 10n ** 15n };

/** Account key of a number. */
export function accountOf(number: number): Uint8Array {
  const key = new Uint8Array(32).fill(0xaa);
  new DataView(key.buffer).setUint32(0, number);
  return key;
}

export interface Given {
  readonly from?: number;
  readonly nonce?: number | bigint;
  readonly fee?: number | bigint;
  readonly until?: number;
  readonly amount?: bigint;
  readonly body?: TransactionBody;
  readonly badlySigned?: boolean;
}

export interface Made {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly transaction: Transaction;
}

export function make(given: Given = {}): Made {
  const { from = 1, nonce = 0, fee = 1_000, until = 0, amount = 1n, badlySigned = false } = given;
  const body = given.body ?? { kind: 'transfer', to: accountOf(0), amount };
  const transaction: Transaction = {
    sender: accountOf(from),
    nonce: BigInt(nonce),
    fee: BigInt(fee),
    until,
    body,
    signature: new Uint8Array(64).fill(badlySigned ? 0xff : 1),
  };
  const bytes = encodeTransaction(transaction);
  return { id: transactionId(bytes), bytes, transaction };
}

export interface PoolUnderTest {
  readonly pool: Mempool;
  readonly state: FakeState;
  readonly clock: SimClock;
  /** Signatures that were checked. */
  readonly checks: { count: number; calls: number };
  add(...given: readonly (Given | Made)[]): Promise<readonly Admission[]>;
  /** Codes of refusals, or `ok`, or `again`. */
  outcome(...given: readonly (Given | Made)[]): Promise<string[]>;
  /** `sender:nonce` of what would be proposed. */
  best(bytesMax?: number): string[];
}

export function poolUnderTest(
  options: MempoolOptions = {},
  clock: SimClock = new SimClock(),
): PoolUnderTest {
  const state = new FakeState();
  const checks = { count: 0, calls: 0 };
  const pool = createMempool(
    {
      clock,
      state,
      network: NETWORK,
      parameters: PARAMETERS,
      onBug: (bug) => assert.fail(String(bug)),
      defer: queueMicrotask,
      verify: async (items) => {
        checks.calls++;
        checks.count += items.length;
        return Uint8Array.from(items, ({ signature }) => (signature[0] === 0xff ? 0 : 1));
      },
    },
    options,
  );
  const add: PoolUnderTest['add'] = (...given) =>
    pool.add(given.map((each) => ('bytes' in each ? each.bytes : make(each).bytes)));
  return {
    pool,
    state,
    clock,
    checks,
    add,
    outcome: async (...given) =>
      (await add(...given)).map((each) => {
        if (each.ok) return each.fresh ? 'ok' : 'again';
        return each.fault ? `${each.error.code}!` : each.error.code;
      }),
    best: (bytesMax = 1 << 20) => [...pool.best(bytesMax)].map(nameOf),
  };
}

export function nameOf({ transaction }: { readonly transaction: Transaction }): string {
  const { sender, nonce } = transaction;
  return `${new DataView(sender.buffer, sender.byteOffset).getUint32(0)}:${nonce}`;
}
