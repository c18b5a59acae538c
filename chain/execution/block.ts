/** A block's transactions on the state of its parent (X12, X13). */
import { setImmediate } from 'node:timers/promises';
import { type AnchorLeaf, encodeAnchorLeaf } from '../../receipt/index.ts';
import type { Refusal } from '../errors.ts';
import type { PoolEntry } from '../mempool/types.ts';
import { executeTransaction } from './execute.ts';
import type { BlockContext, StateView } from './plan.ts';
import { WorkingState } from './working-state.ts';

/** An anchor that executed. */
export interface ExecutedAnchor {
  readonly leaf: AnchorLeaf;
  /** X10. */
  readonly leafBytes: Uint8Array;
  /** The signed checkpoint. */
  readonly note: string;
  /** Of its transaction in the block. */
  readonly index: number;
}

export interface ExecutedBlock {
  readonly state: WorkingState;
  /** Those that applied, in order. */
  readonly transactions: readonly PoolEntry[];
  readonly anchors: readonly ExecutedAnchor[];
}

/** Transactions between two turns of the event loop: a block of many thousands must not hold it up for long. */
const TURN = 256;

/** A block under execution: transactions are added in order, each applies or leaves no trace. */
export class BlockExecution implements ExecutedBlock {
  readonly state: WorkingState;
  readonly transactions: PoolEntry[] = [];
  readonly anchors: ExecutedAnchor[] = [];
  readonly #context: BlockContext;
  #tried = 0;

  /** `parent` has everything that the transactions will touch by the time they are added. */
  constructor(parent: StateView, context: BlockContext) {
    this.state = new WorkingState(parent);
    this.#context = context;
  }

  /** The refusal of one that does not apply. */
  async add(entry: PoolEntry): Promise<Refusal | undefined> {
    if (++this.#tried % TURN === 0) await setImmediate();
    const executed = executeTransaction(this.state, entry, this.#context);
    if (!executed.ok) return executed;
    const { body } = entry.transaction;
    if (executed.anchor !== undefined && body.kind === 'anchor') {
      this.anchors.push({
        leaf: executed.anchor,
        leafBytes: encodeAnchorLeaf(executed.anchor),
        note: body.note,
        index: this.transactions.length,
      });
    }
    this.transactions.push(entry);
    return undefined;
  }
}
