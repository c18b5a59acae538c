/** Transactions on one state, executed one by one, and a log to anchor. */
import { strict as assert } from 'node:assert';
import { executeTransaction } from '../../chain/execution/execute.ts';
import type { BlockContext, StateView } from '../../chain/execution/plan.ts';
import { WorkingState } from '../../chain/execution/working-state.ts';
import type { SignedTransaction } from '../../chain/index.ts';
import type { Account, TransactionBody } from '../../chain/types.ts';
import { packSignatures, verifySignaturesSync } from '../../native/index.ts';
import {
  consistencyPath,
  encodeLeafRecord,
  labelledTree,
  leafRecordOf,
  rootOf,
  treeHash,
} from '../../receipt/index.ts';
import { record } from '../unit/receipt/support.ts';
import { accountOf, feeAccountOf, type Given, make, NETWORK, noteOf } from './chain.ts';

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
export const RICH = 1_000_000_000n;

/** Ten funded accounts and nothing else. */
class Funded implements StateView {
  readonly #rich = new Set(Array.from({ length: 10 }, (_, i) => hex(accountOf(i))));

  account(key: Uint8Array): Account {
    return { nonce: 0n, balance: this.#rich.has(hex(key)) ? RICH : 0n };
  }

  cluster(): undefined {}

  log(): undefined {}
}

const isValid: BlockContext['isValid'] = (item) =>
  verifySignaturesSync(packSignatures([item]))[0] === 1;

const CONTEXT: BlockContext = {
  network: NETWORK,
  height: 7,
  feeAccount: feeAccountOf(0),
  parameters: { feeBase: 1_000n, feePerByte: 10n },
  isValid,
};

/** One state, and nonces that count by themselves unless a test says otherwise. */
export class Machine {
  readonly state = new WorkingState(new Funded());

  async run(given: Given, changes: Partial<BlockContext> = {}) {
    const { nonce } = this.state.account(accountOf(given.from ?? 0));
    return this.execute(await make({ nonce, ...given }), changes);
  }

  execute(signed: SignedTransaction, changes: Partial<BlockContext> = {}) {
    return executeTransaction(this.state, signed, { ...CONTEXT, ...changes });
  }

  async refuses(given: Given, code: string, reason: RegExp, changes: Partial<BlockContext> = {}) {
    const before = this.snapshot();
    const executed = await this.run(given, changes);
    assert.ok(!executed.ok, 'it applied');
    assert.equal(executed.code, code);
    assert.match(executed.reason, reason);
    assert.deepEqual(this.snapshot(), before, 'a refusal leaves the state as it is');
    return executed;
  }

  async applies(given: Given, changes: Partial<BlockContext> = {}) {
    const executed = await this.run(given, changes);
    assert.ok(executed.ok, executed.ok ? '' : executed.reason);
    return executed;
  }

  snapshot(): string[] {
    return [...this.state.changes()].map(([key, value]) => `${hex(key)} ${value && hex(value)}`);
  }

  balance(key: Uint8Array): bigint {
    return this.state.account(key).balance;
  }
}

export const transferOf = (amount: bigint, to = accountOf(20)) =>
  ({ kind: 'transfer', to, amount }) as const;

export const BLAKE3 = treeHash('blake3');
export const SHA256 = treeHash('sha256');
export const RECORDS = Array.from({ length: 20 }, (_, i) =>
  encodeLeafRecord(leafRecordOf(record(i))),
);
export const leaves = (tree: typeof BLAKE3, size: number) => RECORDS.slice(0, size).map(tree.leaf);
export const root = (size: number, tree = BLAKE3) => rootOf(tree, leaves(tree, size));
export const path = (from: number, to: number, tree = BLAKE3) =>
  consistencyPath(tree, leaves(tree, to), from);

export type NoteChanges = Partial<Parameters<typeof noteOf>[0]>;

/** An anchor of the log's first `size` records, from the first `from` on. */
export function anchorOf(from: number, size: number, changes: NoteChanges = {}): TransactionBody {
  const sha256 = changes.sha256Root === undefined ? [] : [path(from, size, SHA256)];
  const note = noteOf({ size, root: root(size), ...changes });
  return { kind: 'anchor', note, from, paths: [path(from, size), ...sha256] };
}

/** Root of a labelled tree over these leaves. */
export function treeOf(label: string, list: readonly Uint8Array[]): Uint8Array {
  const tree = labelledTree(label);
  return tree.root(list.map(tree.leaf));
}
