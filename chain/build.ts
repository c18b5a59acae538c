/** Building a block on the head (X12, X17). */
import { assert } from '../base/errors.ts';
import type { ProposalRequest } from '../consensus/index.ts';
import { encodeHeader } from '../receipt/index.ts';
import type { Candidate } from './candidates.ts';
import { encodeBlock } from './codec/block.ts';
import { accessOf } from './execution/access.ts';
import { executeBlock } from './execution/block.ts';
import { hashUnder } from './hash.ts';
import type { Ledger } from './ledger.ts';
import type { Mempool, PoolEntry } from './mempool/types.ts';
import { checkNotes } from './notes-ahead.ts';

/** Header, heads of the arrays and byte strings of a block, rounded up (X10, X11). */
const FRAME_BYTES = 512;
/** Head of a transaction's byte string. */
const ITEM_BYTES = 5;

/** Takes the best paying transactions, leaves out those that do not apply, and executes the rest. */
export async function buildBlock(
  ledger: Ledger,
  mempool: Mempool,
  request: ProposalRequest,
): Promise<{ readonly candidate: Candidate; readonly refused: number }> {
  assert(request.height === ledger.height + 1, 'a block is built on the head');
  const certificate = request.parentEvidence?.bytes ?? new Uint8Array(0);
  assert(request.height === 1 || certificate.length > 0, 'a block carries its parent certificate');
  const list = choose(ledger, mempool, certificate.length);
  const context = ledger.context(request.proposer);
  const accesses = list.map(({ transaction }) => accessOf(transaction));
  const parent = await ledger.cache.fetch([...accesses, { accounts: [context.feeAccount] }]);
  await checkNotes(ledger, parent, list);
  let refused = 0;
  const executed = await executeBlock(parent, list, context, ({ id, transaction }, refusal) => {
    // One behind a gap may apply later; its turn comes when the gap is filled.
    const waits =
      refusal.code === 'chain/bad-nonce' &&
      transaction.nonce > parent.account(transaction.sender).nonce;
    if (!waits) {
      refused++;
      mempool.drop(id, refusal.code, refusal.reason);
    }
    return 'skip';
  });
  assert(executed !== undefined, 'skipping never stops');
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

function choose(ledger: Ledger, mempool: Mempool, certificateBytes: number): PoolEntry[] {
  const { blockBytesMax } = ledger.genesis.chain.parameters;
  let room = blockBytesMax - FRAME_BYTES - certificateBytes;
  const list: PoolEntry[] = [];
  for (const entry of mempool.best(room)) {
    room -= entry.bytes.length + ITEM_BYTES;
    if (room < 0) break;
    list.push(entry);
  }
  return list;
}
