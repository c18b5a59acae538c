/** Transactions on their way between nodes (X20). */
import {
  arrayOf,
  bytesOf,
  type Decoded,
  decodeAs,
  encodeAs,
  type Format,
  Malformed,
  numberOf,
} from '../codec/cbor.ts';
import { TRANSACTION_BYTES_MAX } from '../codec/transaction.ts';

const VERSION = 1;
/** Heads of the batch (1), version (1), round (at most 9) and list (at most 5). */
export const BATCH_HEAD_BYTES = 16;
/** Head of a byte string below 2^32 bytes. */
export const ITEM_HEAD_BYTES = 5;
/** The smallest transaction is larger; so many never fit into a batch of 1 MiB. */
const COUNT_MAX = 16_384;

export interface Batch {
  /** 0 when a transaction is told for the first time. Nodes pass on no message twice, so one that is told again has another round. */
  readonly round: number;
  readonly transactions: readonly Uint8Array[];
}

const FORMAT: Format<Batch> = {
  what: 'batch of transactions',
  handing: 'views',
  read(item) {
    const [version, round, list] = arrayOf(item, 'it', 3);
    if (version !== VERSION) throw new Malformed('version is not 1');
    const transactions = arrayOf(list, 'list').map((each) => bytesOf(each, 'transaction'));
    if (transactions.length === 0 || transactions.length > COUNT_MAX) {
      throw new Malformed(`${transactions.length} transactions are not 1 to ${COUNT_MAX}`);
    }
    if (transactions.some(({ length }) => length > TRANSACTION_BYTES_MAX)) {
      throw new Malformed(`a transaction has more than ${TRANSACTION_BYTES_MAX} bytes`);
    }
    return { round: numberOf(round, 'round'), transactions };
  },
  write: ({ round, transactions }) => [VERSION, round, [...transactions]],
};

export function encodeBatch(batch: Batch): Uint8Array {
  return encodeAs(FORMAT, batch);
}

/** Its transactions are views of `bytes`. Never throws. */
export function decodeBatch(bytes: Uint8Array): Decoded<Batch> {
  return decodeAs(FORMAT, bytes);
}
