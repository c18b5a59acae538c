// SPDX-License-Identifier: Apache-2.0
/**
 * Binary frames of transactions (rpc.md R9): many in, 40 bytes of outcome each back.
 *
 *     request   01 04 00 00 | u32 request id | u32 count | count × (u32 length | transaction)
 *     outcomes  01 05 00 00 | u32 request id | u32 count | count × (u8 code | 00 00 00 | u32 retry after ms | id)
 *
 * Little-endian. Decoders never throw on bytes; decoded transactions and outcomes are views of the message, not copies.
 */
import {
  ANSWER_HEADER_BYTES,
  FRAME_KINDS,
  FRAME_VERSION,
  type FrameRefusal,
  headerFault,
  refuseFrame,
  viewOf,
} from './frame-parts.ts';
import { TRANSACTION_BYTES_MAX } from './schemas-chain.ts';

/** Most transactions of one frame. */
export const FRAME_TRANSACTIONS_MAX = 4_096;
/** Bytes of one transaction's outcome. */
export const TRANSACTION_OUTCOME_BYTES = 40;

const HEADER_BYTES = 12;

/** What the first byte of an outcome says; their numbers never change meaning. */
export const TRANSACTION_OUTCOMES = [
  'taken',
  'chain/malformed',
  'chain/bad-signature',
  'chain/bad-nonce',
  'chain/insufficient-balance',
  'chain/fee-too-low',
  'chain/expired',
  'chain/refused',
  'chain/mempool-full',
  'chain/stopped',
  'chain/store-damaged',
  'chain/no-chain',
] as const;

export type TransactionOutcomeCode = (typeof TRANSACTION_OUTCOMES)[number];

export interface TransactionFrame {
  readonly requestId: number;
  readonly transactions: readonly Uint8Array[];
}

/** What one transaction of a frame came to. */
export interface TransactionOutcome {
  readonly code: TransactionOutcomeCode;
  /** 0 = no time is named. */
  readonly retryAfterMs: number;
  /** X2; zeroes unless it was taken. */
  readonly id: Uint8Array;
}

export interface TransactionOutcomeFrame {
  readonly kind: 'transaction-outcomes';
  readonly requestId: number;
  readonly outcomes: readonly TransactionOutcome[];
}

/** Whether a message may be a frame of transactions; its decoder says the rest. */
export function isTransactionFrame(bytes: Uint8Array): boolean {
  return bytes[0] === FRAME_VERSION && bytes[1] === FRAME_KINDS.transactions;
}

/** Throws a RangeError on what no frame can carry: that is the caller's mistake. */
export function encodeTransactionFrame({ requestId, transactions }: TransactionFrame): Uint8Array {
  const count = transactions.length;
  if (count < 1 || count > FRAME_TRANSACTIONS_MAX) {
    throw new RangeError(`${count} transactions; a frame has 1 to ${FRAME_TRANSACTIONS_MAX}`);
  }
  const total = transactions.reduce((sum, { length }) => sum + 4 + length, HEADER_BYTES);
  const bytes = new Uint8Array(total);
  const view = viewOf(bytes);
  view.setUint8(0, FRAME_VERSION);
  view.setUint8(1, FRAME_KINDS.transactions);
  view.setUint32(4, requestId, true);
  view.setUint32(8, count, true);
  let at = HEADER_BYTES;
  for (const one of transactions) {
    if (one.length < 1 || one.length > TRANSACTION_BYTES_MAX) {
      throw new RangeError(`a transaction has 1 to ${TRANSACTION_BYTES_MAX} bytes`);
    }
    view.setUint32(at, one.length, true);
    bytes.set(one, at + 4);
    at += 4 + one.length;
  }
  return bytes;
}

export function decodeTransactionFrame(bytes: Uint8Array): TransactionFrame | FrameRefusal {
  if (bytes.length < HEADER_BYTES) return refuseFrame(0, 'frame is shorter than its header');
  const view = viewOf(bytes);
  const requestId = view.getUint32(4, true);
  const count = view.getUint32(8, true);
  const wrong =
    headerFault(view, FRAME_KINDS.transactions) ??
    (view.getUint16(2, true) !== 0 ? 'reserved bytes are not zero' : undefined);
  if (wrong !== undefined) return refuseFrame(requestId, wrong);
  if (count < 1 || count > FRAME_TRANSACTIONS_MAX) {
    return refuseFrame(requestId, `count is ${count}, must be 1 to ${FRAME_TRANSACTIONS_MAX}`);
  }
  const transactions: Uint8Array[] = [];
  let at = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : 0;
    if (length < 1 || length > TRANSACTION_BYTES_MAX || at + 4 + length > bytes.length) {
      return refuseFrame(requestId, `transaction ${i} is cut short or has a length that none has`);
    }
    transactions.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  if (at === bytes.length) return { requestId, transactions };
  return refuseFrame(requestId, `${bytes.length - at} bytes behind the last transaction`);
}

export function encodeTransactionOutcomes(
  requestId: number,
  outcomes: readonly TransactionOutcome[],
): Uint8Array {
  const start = ANSWER_HEADER_BYTES + 4;
  const bytes = new Uint8Array(start + outcomes.length * TRANSACTION_OUTCOME_BYTES);
  const view = viewOf(bytes);
  view.setUint8(0, FRAME_VERSION);
  view.setUint8(1, FRAME_KINDS.transactionOutcomes);
  view.setUint32(4, requestId, true);
  view.setUint32(ANSWER_HEADER_BYTES, outcomes.length, true);
  for (const [i, { code, retryAfterMs, id }] of outcomes.entries()) {
    const at = start + i * TRANSACTION_OUTCOME_BYTES;
    view.setUint8(at, TRANSACTION_OUTCOMES.indexOf(code));
    view.setUint32(at + 4, retryAfterMs, true);
    bytes.set(id, at + 8);
  }
  return bytes;
}

/** The header has been looked at. */
export function decodeTransactionOutcomes(
  requestId: number,
  bytes: Uint8Array,
): TransactionOutcomeFrame | FrameRefusal {
  const start = ANSWER_HEADER_BYTES + 4;
  const view = viewOf(bytes);
  const count = bytes.length < start ? 0 : view.getUint32(ANSWER_HEADER_BYTES, true);
  if (
    count > FRAME_TRANSACTIONS_MAX ||
    bytes.length !== start + count * TRANSACTION_OUTCOME_BYTES
  ) {
    return refuseFrame(requestId, `frame has not the length of ${count} outcomes`);
  }
  const outcomes: TransactionOutcome[] = [];
  for (let at = start; at < bytes.length; at += TRANSACTION_OUTCOME_BYTES) {
    const code = TRANSACTION_OUTCOMES[view.getUint8(at)];
    if (code === undefined) return refuseFrame(requestId, `unknown outcome ${view.getUint8(at)}`);
    const retryAfterMs = view.getUint32(at + 4, true);
    outcomes.push({ code, retryAfterMs, id: bytes.subarray(at + 8, at + 40) });
  }
  return { kind: 'transaction-outcomes', requestId, outcomes };
}
