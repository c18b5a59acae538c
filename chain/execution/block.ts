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

/**
 * Executes in order. `refused` decides what becomes of one that does not apply: `stop` ends it, which gives undefined,
 * `skip` leaves it out.
 */
export async function executeBlock(
  parent: StateView,
  list: readonly PoolEntry[],
  context: BlockContext,
  refused: (entry: PoolEntry, refusal: Refusal, index: number) => 'stop' | 'skip',
): Promise<ExecutedBlock | undefined> {
  const state = new WorkingState(parent);
  const transactions: PoolEntry[] = [];
  const anchors: ExecutedAnchor[] = [];
  for (const [i, entry] of list.entries()) {
    if (i % TURN === TURN - 1) await setImmediate();
    const executed = executeTransaction(state, entry, context);
    if (!executed.ok) {
      if (refused(entry, executed, i) === 'stop') return undefined;
      continue;
    }
    const { body } = entry.transaction;
    if (executed.anchor !== undefined && body.kind === 'anchor') {
      anchors.push({
        leaf: executed.anchor,
        leafBytes: encodeAnchorLeaf(executed.anchor),
        note: body.note,
        index: transactions.length,
      });
    }
    transactions.push(entry);
  }
  return { state, transactions, anchors };
}
