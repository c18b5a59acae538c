// SPDX-License-Identifier: Apache-2.0
/**
 * Finality proofs in bytes: what a receipt carries beside its checkpoint (F4, F5), and
 * what proves a transaction (F7). Here is the form only; finality.ts checks.
 *
 * A proof carries nothing that can be computed from what stands beside it, so that a
 * receipt fits into 2,048 bytes (F10). None says "made after" yet (F9).
 */
import { concat, copyBytes } from '../base/bytes.ts';
import { isUint, U32_MAX } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { type Canonical, decodeCanonical, encodeCanonical, isHash } from './cbor.ts';
import { joinKeyIds, ROOT_CODES, splitKeyIds } from './header.ts';
import { accept, type Parsed, type RefusalCode, refuse } from './refusal.ts';
import type { AnchoredRoot } from './types.ts';

/** Schemes of kind `pos`. */
export const SCHEME = { anchored: 1, byHistory: 2, transaction: 3 } as const;

/** A header and what makes it final: byte strings as the chain has them. */
export interface CertifiedHeader {
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
}

/** A place in a tree of the block; it gives the path its shape and says nothing more (F11). */
export interface PathInBlock {
  /** Leaves of the tree. */
  readonly count: number;
  readonly index: number;
  readonly path: readonly Uint8Array[];
}

/** F4, and with `history` F5. */
export interface AnchorProof extends CertifiedHeader, PathInBlock {
  /** The anchor's roots beyond BLAKE3. */
  readonly roots: readonly AnchoredRoot[];
  /** The ids of the keys whose signatures the chain counted, 4 bytes each, ascending. */
  readonly keyIds: readonly Uint8Array[];
  /** When header and certificate are of a later block. */
  readonly history?: HistoryPath;
}

/** Where the header that holds the anchor stands among those before the certified one (F5). */
export interface HistoryPath {
  readonly header: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** F7. */
export interface TransactionProof extends CertifiedHeader, PathInBlock {
  readonly transaction: Uint8Array;
}

/** A tree of 2^53 − 1 leaves is 53 levels high. */
const PATH_HASHES_MAX = 53;

/** The proof of scheme 1, or 2 when it has a history. Throws `receipt/finality-malformed`. */
export function encodeAnchorProof(proof: AnchorProof): {
  readonly kind: 'pos';
  readonly scheme: number;
  readonly proof: Uint8Array;
} {
  const { history } = proof;
  const roots = proof.roots.map(({ alg, root }) => [ROOT_CODES[alg], root]);
  const items: Canonical[] = [...headItems(proof), roots, joinKeyIds(proof.keyIds)];
  if (history !== undefined) items.push(history.header, concat(...history.path));
  const scheme = history === undefined ? SCHEME.anchored : SCHEME.byHistory;
  const bytes = encodeCanonical(items);
  return { kind: 'pos', scheme, proof: written(bytes, decodeAnchorProof(bytes, scheme)) };
}

/** Reads a proof of scheme 1 or 2. */
export function decodeAnchorProof(
  bytes: Uint8Array,
  scheme: typeof SCHEME.anchored | typeof SCHEME.byHistory,
): Parsed<AnchorProof> {
  const items = decodeCanonical(bytes);
  const count = scheme === SCHEME.anchored ? 7 : 9;
  if (items?.length !== count) return bad(`not an array of ${count} in deterministic CBOR`);
  const head = readHead(items);
  if (!head.ok) return head;
  const roots = readRoots(items[5]);
  if (roots === undefined) return bad('roots is a list of [1, SHA-256 root], at most one');
  const keyIds = items[6] instanceof Uint8Array ? splitKeyIds(items[6]) : undefined;
  if (keyIds === undefined) return bad('key ids are 4 bytes each, ascending');
  const anchor = { ...head.value, roots, keyIds };
  if (scheme === SCHEME.anchored) return accept(anchor);
  const [header, path] = [items[7], readPath(items[8])];
  return header instanceof Uint8Array && path !== undefined
    ? accept({ ...anchor, history: { header, path } })
    : bad('the history is a header and a path, byte strings');
}

/** The bytes of a proof of scheme 3. Throws `receipt/finality-malformed`. */
export function encodeTransactionProof(proof: TransactionProof): Uint8Array {
  const bytes = encodeCanonical([...headItems(proof), proof.transaction]);
  return written(bytes, decodeTransactionProof(bytes));
}

/** Reads a proof of scheme 3. */
export function decodeTransactionProof(bytes: Uint8Array): Parsed<TransactionProof> {
  const items = decodeCanonical(bytes);
  if (items?.length !== 6) return bad('not an array of 6 in deterministic CBOR');
  const head = readHead(items);
  if (!head.ok) return head;
  const transaction = items[5];
  return transaction instanceof Uint8Array
    ? accept({ ...head.value, transaction })
    : bad('the transaction is a byte string');
}

function headItems(proof: CertifiedHeader & PathInBlock): Canonical[] {
  const { header, certificate, count, index, path } = proof;
  return [header, certificate, count, index, concat(...path)];
}

/** The five items that all schemes begin with. */
function readHead(items: readonly Canonical[]): Parsed<CertifiedHeader & PathInBlock> {
  const [header, certificate, count, index, hashes] = items;
  if (!(header instanceof Uint8Array) || !(certificate instanceof Uint8Array)) {
    return bad('header and certificate are byte strings');
  }
  if (!isUint(count, U32_MAX) || !isUint(index) || index >= count) {
    return bad('the index is below the count, which is below 2^32');
  }
  const path = readPath(hashes);
  return path === undefined
    ? bad(`a path is at most ${PATH_HASHES_MAX} hashes of 32 bytes`)
    : accept({ header, certificate, count, index, path });
}

function readPath(value: Canonical | undefined): Uint8Array[] | undefined {
  if (!(value instanceof Uint8Array) || value.length % 32 !== 0) return undefined;
  if (value.length > 32 * PATH_HASHES_MAX) return undefined;
  return Array.from({ length: value.length / 32 }, (_, i) =>
    copyBytes(value, 32 * i, 32 * (i + 1)),
  );
}

function readRoots(value: Canonical | undefined): AnchoredRoot[] | undefined {
  if (!Array.isArray(value) || value.length > 1) return undefined;
  if (value.length === 0) return [];
  const [pair] = value;
  if (!Array.isArray(pair) || pair.length !== 2) return undefined;
  const [code, root]: readonly unknown[] = pair;
  return code === ROOT_CODES.sha256 && isHash(root) ? [{ alg: 'sha256', root }] : undefined;
}

/** What is written must be what would be read. */
function written(bytes: Uint8Array, read: Parsed<unknown>): Uint8Array {
  if (!read.ok) throw new PyralogError<RefusalCode>(read.code, read.message);
  return bytes;
}

function bad(what: string): Parsed<never> {
  return refuse('receipt/finality-malformed', `finality proof: ${what}`);
}
