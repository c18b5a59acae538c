import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { writeDurably } from '../node/index.ts';
import {
  decodeReceiptJson,
  encodeReceiptJson,
  RECEIPT_BYTES_MAX,
  type Receipt,
  type Refusal,
} from '../receipt/index.ts';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';

/**
 * Reads a receipt file strictly (V3). What is wrong inside it is a value; that it is not there is an error.
 *
 * @throws PyralogError `cli/no-receipt`, `cli/file`
 */
export function readReceipt(path: string): { ok: true; value: Receipt } | Refusal {
  if (!existsSync(path)) {
    throw cliError('cli/no-receipt', `${path}: there is no receipt; \`pyralog stamp\` makes one`);
  }
  const stat = statSync(path);
  // Reading a pipe would wait for a writer, and no Ctrl-C would end that.
  if (!stat.isFile()) throw cliError('cli/file', `${path}: is no regular file`);
  const { size } = stat;
  try {
    // Whatever is longer than any receipt is refused by the decoder without being read whole.
    const bytes =
      size > RECEIPT_BYTES_MAX ? new Uint8Array(RECEIPT_BYTES_MAX + 1) : readFileSync(path);
    return decodeReceiptJson(new Uint8Array(bytes));
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
}

/** Writes a receipt by temporary file, fsync and rename, so that it is there whole or not at all. */
export function writeReceipt(path: string, receipt: Receipt, replace: boolean): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) {
    throw cliError('cli/file', `${path}: is no regular file; give another name for the receipt`);
  }
  try {
    writeDurably(path, encodeReceiptJson(receipt), { mode: 0o644, replace });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw receiptExists(path);
    }
    throw cliError('cli/file', `${path}: cannot be written (${reasonOf(error)})`, error);
  }
}

export function receiptExists(path: string): Error {
  return cliError('cli/receipt-exists', `${path}: there is a receipt already; --force replaces it`);
}
