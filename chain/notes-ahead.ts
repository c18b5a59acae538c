/** Signatures of the notes in a block, checked in bulk on the pool before execution asks for them one by one (X7, X9). */
import { parseCheckpoint } from '../receipt/index.ts';
import { originOf, registeredLines } from './execution/notes.ts';
import type { StateView } from './execution/plan.ts';
import type { Ledger } from './ledger.ts';
import type { PoolEntry } from './mempool/types.ts';
import type { TransactionBody } from './types.ts';

/** `parent` has what these transactions touch. Clusters that the block itself registers are left to execution. */
export async function checkNotes(
  ledger: Ledger,
  parent: StateView,
  list: readonly PoolEntry[],
): Promise<void> {
  const items = list.flatMap(({ transaction }) =>
    notesOf(transaction.body).flatMap((text) => {
      const cluster = clusterOf(text, parent);
      const parsed = cluster === undefined ? undefined : parseCheckpoint(text);
      if (cluster === undefined || parsed?.ok !== true) return [];
      return registeredLines(parsed.value.note, cluster.keys).items;
    }),
  );
  if (items.length > 0) await ledger.signatures.verifyAll(items);
}

function notesOf(body: TransactionBody): readonly string[] {
  if (body.kind === 'anchor') return [body.note];
  // The second note counts only when it is of the first one's log.
  if (body.kind === 'evidence' && sameLog(body.notes)) return body.notes;
  return [];
}

function sameLog([first, second]: readonly [string, string]): boolean {
  const origin = originOf(first)?.text;
  return origin !== undefined && origin === originOf(second)?.text;
}

function clusterOf(note: string, parent: StateView) {
  const named = originOf(note);
  return named === undefined ? undefined : parent.cluster(named.origin.cluster);
}
