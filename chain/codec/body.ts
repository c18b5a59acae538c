/** Bodies of transactions, one array per kind (X5–X9). Only their form: what the state says of them is execution/. */
import { decodeMultihash } from '../../receipt/index.ts';
import type { TransactionBody } from '../types.ts';
import {
  amountOf,
  arrayOf,
  bytesOf,
  hashesOf,
  joinHashes,
  Malformed,
  numberOf,
  textOf,
} from './cbor.ts';

type Kind = TransactionBody['kind'];
type BodyOf<K extends Kind> = Extract<TransactionBody, { kind: K }>;

/** In the order of the kinds' numbers (X1). */
export const KINDS = ['transfer', 'register-cluster', 'anchor', 'notarize', 'evidence'] as const;

/** Bytes of a leaf record (L1). */
const LEAF_BYTES = 128;

export function readBody(kind: number, item: unknown): TransactionBody {
  switch (KINDS[kind]) {
    case 'transfer':
      return readTransfer(item);
    case 'register-cluster':
      return readRegistration(item);
    case 'anchor':
      return readAnchor(item);
    case 'notarize':
      return readNotarization(item);
    case 'evidence':
      return readEvidence(item);
    default:
      throw new Malformed(`kind ${kind} is unknown; known are 0 to ${KINDS.length - 1}`);
  }
}

export function writeBody(body: TransactionBody): unknown[] {
  switch (body.kind) {
    case 'transfer':
      return [body.to, body.amount];
    case 'register-cluster':
      return writeRegistration(body);
    case 'anchor':
      return [body.note, body.from, body.paths.map(joinHashes)];
    case 'notarize':
      return [body.multihash];
    case 'evidence':
      return writeEvidence(body);
  }
}

/** X5. */
function readTransfer(item: unknown): TransactionBody {
  const [to, amount] = arrayOf(item, 'body', 2);
  return { kind: 'transfer', to: bytesOf(to, 'to', 32), amount: amountOf(amount, 'amount') };
}

/** X6. */
function readRegistration(item: unknown): TransactionBody {
  const [name, keys, threshold, faults, submitters, deposit] = arrayOf(item, 'body', 6);
  return {
    kind: 'register-cluster',
    name: textOf(name, 'name'),
    keys: readKeys(keys),
    threshold: numberOf(threshold, 'threshold'),
    faults: numberOf(faults, 'faults'),
    submitters: readSubmitters(submitters),
    deposit: amountOf(deposit, 'deposit'),
  };
}

function writeRegistration(body: BodyOf<'register-cluster'>): unknown[] {
  const { name, keys, threshold, faults, submitters, deposit } = body;
  return [name, writeKeys(keys), threshold, faults, [...submitters], deposit];
}

/** Keys as a registration and its state entry carry them (X6, X14). */
export function readKeys(item: unknown): BodyOf<'register-cluster'>['keys'] {
  return arrayOf(item, 'keys').map((key) => {
    const [name, publicKey] = arrayOf(key, 'key', 2);
    return { name: textOf(name, 'key name'), publicKey: bytesOf(publicKey, 'public key', 32) };
  });
}

export function writeKeys(keys: BodyOf<'register-cluster'>['keys']): unknown[] {
  return keys.map(({ name, publicKey }) => [name, publicKey]);
}

export function readSubmitters(item: unknown): Uint8Array[] {
  return arrayOf(item, 'submitters').map((key) => bytesOf(key, 'submitter', 32));
}

/** X7. */
function readAnchor(item: unknown): TransactionBody {
  const [note, from, paths] = arrayOf(item, 'body', 3);
  return {
    kind: 'anchor',
    note: textOf(note, 'note'),
    from: numberOf(from, 'from'),
    paths: arrayOf(paths, 'paths').map((path) => hashesOf(path, 'path')),
  };
}

/** X8. */
function readNotarization(item: unknown): TransactionBody {
  const multihash = bytesOf(arrayOf(item, 'body', 1)[0], 'multihash');
  const digest = decodeMultihash(multihash);
  if (!digest.ok) throw new Malformed(`multihash: ${digest.message} (L4)`);
  return { kind: 'notarize', multihash };
}

/** X9: form 0 has three items, form 1 the leaves too. */
function readEvidence(item: unknown): TransactionBody {
  const items = arrayOf(item, 'body');
  const form = numberOf(items[0], 'form of evidence', 1);
  arrayOf(items, 'body', form === 0 ? 3 : 8);
  const notes = [textOf(items[1], 'note'), textOf(items[2], 'note')] as const;
  if (form === 0) return { kind: 'evidence', notes };
  const leaves = {
    index: numberOf(items[3], 'index'),
    records: [
      bytesOf(items[4], 'leaf', LEAF_BYTES),
      bytesOf(items[6], 'leaf', LEAF_BYTES),
    ] as const,
    paths: [hashesOf(items[5], 'path'), hashesOf(items[7], 'path')] as const,
  };
  return { kind: 'evidence', notes, leaves };
}

function writeEvidence({ notes, leaves }: BodyOf<'evidence'>): unknown[] {
  if (leaves === undefined) return [0, ...notes];
  const [a, b] = leaves.records;
  const [pathA, pathB] = leaves.paths.map(joinHashes);
  return [1, ...notes, leaves.index, a, pathA, b, pathB];
}
