// SPDX-License-Identifier: Apache-2.0
/**
 * The chain's state at one key: that it has a value, or that it has none (state.md).
 *
 * The tree is a compact sparse Merkle tree over BLAKE3(key). A verifier goes from the
 * end of the key's path up to the root, taking each side from the key and never from
 * the proof, so a proof speaks of one key only. For a (root, key) there is one proof
 * that is accepted, byte for byte.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { concat, equalBytes, toUtf8 } from '../base/bytes.ts';
import { accept, type Parsed, type Refusal, refuse } from './refusal.ts';

/** What a proof that is accepted has shown. */
export type StateVerdict = 'present' | 'absent';

const [VALUE_KEY, LEAF_KEY, NODE_KEY, EMPTY_KEY] = ['value', 'leaf', 'node', 'empty'].map((part) =>
  blake3(new Uint8Array(0), { context: toUtf8(`pyralog v1 state ${part}`) }),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** Root of the state without keys, and hash of every empty subtree (U2). */
export const STATE_EMPTY_ROOT: Uint8Array = blake3(new Uint8Array(0), { key: EMPTY_KEY });

/** Where a key stands (U1). */
export function statePath(key: Uint8Array): Uint8Array {
  return blake3(key);
}

/** What a leaf commits to of its value (U1). */
export function stateValueHash(value: Uint8Array): Uint8Array {
  return blake3(value, { key: VALUE_KEY });
}

/** Hash of a leaf (U2). */
export function stateLeafHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return blake3(concat(path, valueHash), { key: LEAF_KEY });
}

/** Hash of an inner node (U2). */
export function stateNodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return blake3(concat(left, right), { key: NODE_KEY });
}

/** Bit `index` of a string of bytes, the most significant bit of a byte first (U3). */
export function stateBit(bytes: Uint8Array, index: number): boolean {
  return ((bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
}

const BITS = 256;
const HEAD_BYTES = 3;
const KINDS = ['included', 'absent-empty', 'absent-other'] as const;

/** A proof whose lengths fit each other (U7). */
interface StateProof {
  readonly kind: (typeof KINDS)[number];
  readonly depth: number;
  readonly bitmap: Uint8Array;
  /** Hashes of the siblings that are not empty, leaf side first. */
  readonly siblings: readonly Uint8Array[];
  /** The leaf that stands in the key's way; of kind `absent-other` only. */
  readonly other?: { readonly path: Uint8Array; readonly valueHash: Uint8Array };
}

/**
 * Whether `proof` shows that `key` has `value` under `root`, or with `undefined` that it has none (U8).
 *
 * Refusals: `receipt/malformed`, `receipt/not-canonical`, and `receipt/bad-path` when the proof is of another key,
 * value or root.
 */
export function verifyStateProof(
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array | undefined,
  proof: Uint8Array,
): Parsed<StateVerdict> {
  const parsed = parseProof(proof);
  if (!parsed.ok) return parsed;
  const path = statePath(key);
  const start = startOf(parsed.value, path, value);
  if (!start.ok) return start;
  if (!equalBytes(fold(parsed.value, path, start.value), root)) {
    return refuse(
      'receipt/bad-path',
      'the state proof does not lead to the root: use the proof of this block',
    );
  }
  return accept(value === undefined ? 'absent' : 'present');
}

function parseProof(bytes: Uint8Array): Parsed<StateProof> {
  const kind = KINDS[bytes[0] ?? KINDS.length];
  const depth = (bytes[1] ?? 0) + (bytes[2] ?? 0) * 256;
  const hashesAt = HEAD_BYTES + Math.ceil(depth / 8);
  if (kind === undefined || depth > BITS || bytes.length < hashesAt) {
    return refuse(
      'receipt/malformed',
      'a state proof begins with a kind of 0 to 2, a depth up to 256 and a bitmap',
    );
  }
  const bitmap = bytes.subarray(HEAD_BYTES, hashesAt);
  const set = Array.from({ length: bitmap.length * 8 }, (_, i) => i).filter((i) =>
    stateBit(bitmap, i),
  );
  const hashes = split(bytes.subarray(hashesAt));
  const otherHashes = kind === 'absent-other' ? 2 : 0;
  if (hashes?.length !== set.length + otherHashes) {
    return refuse(
      'receipt/malformed',
      'a state proof has 32 bytes for each bit of its bitmap (U7), and no tail',
    );
  }
  const siblings = hashes.slice(0, set.length);
  const wrong = notCanonical(depth, set, siblings);
  if (wrong !== undefined) return wrong;
  const [path, valueHash] = hashes.slice(set.length);
  const other = path === undefined || valueHash === undefined ? {} : { other: { path, valueHash } };
  return accept({ kind, depth, bitmap, siblings, ...other });
}

/** What U8 refuses although it could be read; `set` are the bits of the bitmap in rising order. */
function notCanonical(
  depth: number,
  set: readonly number[],
  siblings: readonly Uint8Array[],
): Refusal | undefined {
  const deepest = set.at(-1) ?? -1;
  if (deepest !== depth - 1) {
    return refuse(
      'receipt/not-canonical',
      'the deepest sibling of a state proof is not empty, and no bit follows its own (U8)',
    );
  }
  if (siblings.some((hash) => equalBytes(hash, STATE_EMPTY_ROOT))) {
    return refuse(
      'receipt/not-canonical',
      'an empty sibling is a zero in the bitmap, never a hash (U8)',
    );
  }
  return undefined;
}

/** Hash of the subtree at the end of the key's path, if the proof says what is asked. */
function startOf(
  proof: StateProof,
  path: Uint8Array,
  value: Uint8Array | undefined,
): Parsed<Uint8Array> {
  if ((proof.kind === 'included') !== (value !== undefined)) {
    const [says, asked] = value === undefined ? ['value', 'absence'] : ['absence', 'value'];
    return refuse(
      'receipt/bad-path',
      `the state proof shows a ${says} where ${asked} is to be shown`,
    );
  }
  if (value !== undefined) return accept(stateLeafHash(path, stateValueHash(value)));
  if (proof.other === undefined) return accept(STATE_EMPTY_ROOT);
  const { path: other, valueHash } = proof.other;
  const common = commonBits(path, other);
  if (common === BITS || common < proof.depth) {
    return refuse(
      'receipt/bad-path',
      "the leaf of the state proof is the key's own, or does not stand in its way",
    );
  }
  return accept(stateLeafHash(other, valueHash));
}

function fold(proof: StateProof, path: Uint8Array, start: Uint8Array): Uint8Array {
  let hash = start;
  let next = 0;
  for (let level = proof.depth - 1; level >= 0; level--) {
    const listed = stateBit(proof.bitmap, level) ? proof.siblings[next++] : undefined;
    const sibling = listed ?? STATE_EMPTY_ROOT;
    hash = stateBit(path, level) ? stateNodeHash(sibling, hash) : stateNodeHash(hash, sibling);
  }
  return hash;
}

/** Leading bits that two paths share; 256 when they are one. */
function commonBits(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < BITS; index++) {
    if (stateBit(a, index) !== stateBit(b, index)) return index;
  }
  return BITS;
}

function split(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length % 32 !== 0) return undefined;
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * (i + 1)));
}
