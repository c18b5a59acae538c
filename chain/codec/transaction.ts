/** Transactions in bytes (X1, X2), and their signatures. */
import { encode } from 'cborg';

import type { Signer } from '../../consensus/index.ts';
import type { SignatureItem } from '../../native/index.ts';
import { signedBytes } from '../../receipt/index.ts';
import { chainError } from '../errors.ts';
import { hashUnder, hashUnderMany } from '../hash.ts';
import type { Transaction, UnsignedTransaction } from '../types.ts';
import { KINDS, readBody, writeBody } from './body.ts';
import {
  amountOf,
  arrayOf,
  bytesOf,
  type Decoded,
  decodeAs,
  encodeAs,
  type Format,
  Malformed,
  numberOf,
} from './cbor.ts';

/** X1. */
export const TRANSACTION_BYTES_MAX = 65_536;

const VERSION = 1;
/** Domain of the signature (X1). */
const DOMAIN = 'transaction';
/** Heads of arrays of seven and eight items: the signed bytes are the transaction without its last item. */
const ARRAY_OF_7 = 0x87;
/** Head (2 bytes) and signature: the last item. */
const SIGNATURE_ITEM_BYTES = 66;

const FORMAT: Format<Transaction> = { what: 'transaction', read, write };

/** X1. The value is taken as it is: {@link signTransaction} makes values that readers take. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  return encodeAs(FORMAT, transaction);
}

/** Reads a transaction in its one encoding (X1); the signature is not yet believed. Never throws. */
export function decodeTransaction(bytes: Uint8Array): Decoded<Transaction> {
  if (bytes.length > TRANSACTION_BYTES_MAX) {
    const reason = `transaction: ${bytes.length} bytes, more than ${TRANSACTION_BYTES_MAX}`;
    return { ok: false, reason };
  }
  return decodeAs(FORMAT, bytes);
}

/** 32 bytes (X2). */
export function transactionId(bytes: Uint8Array): Uint8Array {
  return hashUnder('transaction', bytes);
}

/** {@link transactionId} of each, in one native call. */
export function transactionIds(list: readonly Uint8Array[]): Uint8Array[] {
  return hashUnderMany('transaction', list);
}

/** What to check about a transaction's signature (X1), for `packSignatures` of native/. */
export function signatureOf(
  { bytes, transaction }: { readonly bytes: Uint8Array; readonly transaction: Transaction },
  network: string,
): SignatureItem {
  const head = headOf(network);
  const unsigned = bytes.subarray(1, -SIGNATURE_ITEM_BYTES);
  const message = new Uint8Array(head.length + unsigned.length);
  message.set(head);
  message.set(unsigned, head.length);
  return { publicKey: transaction.sender, signature: transaction.signature, message };
}

/** What every transaction's signed bytes begin with on a network; a process is on one. */
let newestHead: { readonly network: string; readonly bytes: Uint8Array } | undefined;

function headOf(network: string): Uint8Array {
  if (newestHead?.network !== network) {
    const bytes = signedBytes(DOMAIN, network, Uint8Array.of(ARRAY_OF_7));
    newestHead = { network, bytes };
  }
  return newestHead.bytes;
}

/** A transaction ready to be handed in. */
export interface SignedTransaction {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly transaction: Transaction;
}

/**
 * Signs for a network (X1); `signer` holds the key of the account that sends.
 *
 * Rejects with `chain/malformed` when a field is out of its bounds or the signer is another's, and as the signer does.
 */
export async function signTransaction(
  unsigned: UnsignedTransaction,
  network: string,
  signer: Signer,
): Promise<SignedTransaction> {
  if (!Buffer.from(signer.publicKey).equals(unsigned.sender)) {
    throw chainError('chain/malformed', 'the signer does not hold the key of the sender (X1)');
  }
  const items = writeUnsigned(unsigned);
  const signature = await signer.sign(DOMAIN, network, encode(items));
  const bytes = encode([...items, signature]);
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) throw chainError('chain/malformed', decoded.reason);
  return { id: transactionId(bytes), bytes, transaction: decoded.value };
}

function read(item: unknown): Transaction {
  const items = arrayOf(item, 'it');
  if (typeof items[0] === 'number' && items[0] > VERSION) {
    throw new Malformed(`version ${items[0]} is newer than this program; update pyralog`);
  }
  arrayOf(items, 'it', 8);
  const [version, kind, sender, nonce, fee, until, body, signature] = items;
  if (version !== VERSION) throw new Malformed('version is not 1');
  return {
    sender: bytesOf(sender, 'sender', 32),
    nonce: amountOf(nonce, 'nonce'),
    fee: amountOf(fee, 'fee'),
    until: numberOf(until, 'until'),
    body: readBody(numberOf(kind, 'kind'), body),
    signature: bytesOf(signature, 'signature', 64),
  };
}

function write(transaction: Transaction): unknown[] {
  return [...writeUnsigned(transaction), transaction.signature];
}

function writeUnsigned({ sender, nonce, fee, until, body }: UnsignedTransaction): unknown[] {
  return [VERSION, KINDS.indexOf(body.kind), sender, nonce, fee, until, writeBody(body)];
}

/** Least fee of a transaction of so many bytes (X3). */
export function minimumFee(
  bytes: number,
  { feeBase, feePerByte }: { readonly feeBase: bigint; readonly feePerByte: bigint },
): bigint {
  return feeBase + feePerByte * BigInt(bytes);
}
