/** Building a block on the head (X12, X17). */
import { assert } from '../base/errors.ts';
import type { ProposalRequest } from '../consensus/index.ts';
import { encodeHeader } from '../receipt/index.ts';
import type { Candidate } from './candidates.ts';
import { encodeBlock } from './codec/block.ts';
import { accessOf } from './execution/access.ts';
import { BlockExecution } from './execution/block.ts';
import { hashUnder } from './hash.ts';
import type { Ledger } from './ledger.ts';
import type { Mempool, PoolEntry } from './mempool/types.ts';
import { checkNotes } from './notes-ahead.ts';
import type { FetchedState } from './store/state-cache.ts';
import { textKey } from './text-key.ts';

/** Header, heads of the arrays and byte strings of a block, rounded up (X10, X11). */
const FRAME_BYTES = 512;
/** Looks at the mempool: one that does not apply gives its room to others, but not for ever. */
const PASSES = 4;

export interface Built {
  readonly candidate: Candidate;
  /** Transactions that were dropped because they do not apply. */
  readonly refused: number;
}

/** Takes the best paying transactions, leaves out those that do not apply, and executes the rest. */
export async function buildBlock(
  ledger: Ledger,
  mempool: Mempool,
  request: ProposalRequest,
): Promise<Built> {
  assert(request.height === ledger.height + 1, 'a block is built on the head');
  const certificate = request.parentEvidence?.bytes ?? new Uint8Array(0);
  assert(request.height === 1 || certificate.length > 0, 'a block carries its parent certificate');
  const { blockBytesMax } = ledger.genesis.chain.parameters;
  const filling = await Filling.begin(ledger, mempool, request.proposer);
  await filling.fill(blockBytesMax - FRAME_BYTES - certificate.length);
  const { block: executed, refused } = filling;
  const { changes, version, ...roots } = ledger.outcome(executed);
  const header = {
    ...ledger.ancestry(certificate),
    ...roots,
    time: Math.max(Math.floor(request.time), ledger.time + 1),
    proposer: request.proposer,
  };
  const headerBytes = encodeHeader(header);
  const transactions = executed.transactions.map(({ bytes }) => bytes);
  const bytes = encodeBlock({ header: headerBytes, certificate, transactions });
  const id = hashUnder('header', headerBytes);
  return { candidate: { id, header, headerBytes, bytes, executed, changes, version }, refused };
}

/** A block being filled out of the mempool. */
class Filling {
  readonly block: BlockExecution;
  readonly #ledger: Ledger;
  readonly #mempool: Mempool;
  readonly #parent: FetchedState;
  readonly #tried = new Set<string>();
  refused = 0;

  private constructor(
    { ledger, mempool }: { readonly ledger: Ledger; readonly mempool: Mempool },
    parent: FetchedState,
    block: BlockExecution,
  ) {
    this.#ledger = ledger;
    this.#mempool = mempool;
    this.#parent = parent;
    this.block = block;
  }

  static async begin(ledger: Ledger, mempool: Mempool, proposer: number): Promise<Filling> {
    const context = ledger.context(proposer);
    const parent = await ledger.cache.fetch([{ accounts: [context.feeAccount] }]);
    return new Filling({ ledger, mempool }, parent, new BlockExecution(parent, context));
  }

  /** Fills up to `room` bytes; several looks when what was taken first does not apply. */
  async fill(room: number): Promise<void> {
    let left = room;
    for (let pass = 0; pass < PASSES; pass++) {
      const list = this.#choose(left);
      if (list.length === 0) return;
      const accesses = list.map(({ transaction }) => accessOf(transaction));
      const extended = await this.#ledger.cache.extend(this.#parent, accesses);
      assert(extended, 'no block becomes final while one is built');
      await checkNotes(this.#ledger, this.#parent, list);
      const before = this.refused;
      for (const entry of list) {
        if (await this.#add(entry)) left -= itemBytes(entry);
      }
      if (this.refused === before) return;
    }
  }

  #choose(room: number): PoolEntry[] {
    let left = room;
    const list: PoolEntry[] = [];
    for (const entry of this.#mempool.best(room)) {
      const key = textKey(entry.id);
      if (this.#tried.has(key)) continue;
      left -= itemBytes(entry);
      if (left < 0) break;
      this.#tried.add(key);
      list.push(entry);
    }
    return list;
  }

  async #add(entry: PoolEntry): Promise<boolean> {
    const { sender, nonce } = entry.transaction;
    const expected = this.block.state.account(sender).nonce;
    const refusal = await this.block.add(entry);
    if (refusal === undefined) return true;
    // One behind a gap may apply later; its turn comes when the gap is filled.
    if (refusal.code === 'chain/bad-nonce' && nonce > expected) return false;
    this.refused++;
    this.#mempool.drop(entry.id, refusal.code, refusal.reason);
    return false;
  }
}

/** A transaction as a byte string of CBOR; it has at least 100 bytes and at most 65,536. */
function itemBytes({ bytes: { length } }: PoolEntry): number {
  return length + (length < 2 ** 8 ? 2 : length < 2 ** 16 ? 3 : 5);
}
