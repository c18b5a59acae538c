// SPDX-License-Identifier: Apache-2.0
/**
 * Merkle trees: how a leaf stands under a root (M1–M4).
 *
 * Shape, paths and verification are RFC 6962 §2.1 (RFC 9162 §2.1); only the
 * hashes differ. Verifiers walk from the leaf to the root and refuse a path that
 * is too short or too long, so one (leaf, size, root) has one accepted path.
 * Proof makers here rebuild the whole tree: they serve tests and in-memory logs.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equalBytes, toUtf8 } from '../base/bytes.ts';
import { isUint } from '../base/decimal.ts';
import { assert } from '../base/errors.ts';
import type { TreeAlgorithm } from './types.ts';

export interface TreeHash {
  readonly algorithm: TreeAlgorithm;
  /** Hash of a leaf; the input is the 128-byte leaf record. */
  leaf(record: Uint8Array): Uint8Array;
  /** Hash of two subtrees, 32 bytes each. */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** Root of the tree without leaves. */
  empty(): Uint8Array;
}

/** A proof that the leaf `leaf` stands at `index` among `size` (M4). */
export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  /** Hash of the leaf, 32 bytes. */
  readonly leaf: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** A proof that the tree of `to` leaves extends that of `from` (M4). */
export interface ConsistencyProof {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** The keys of M1: `derive_key(label)` over empty material. */
export const TREE_KEYS = {
  leaf: treeKey('pyralog v1 leaf'),
  node: treeKey('pyralog v1 node'),
  empty: treeKey('pyralog v1 empty'),
} as const;

function treeKey(label: string): Uint8Array {
  return blake3(new Uint8Array(0), { context: toUtf8(label) });
}

/** M2. */
const BLAKE3_TREE: TreeHash = {
  algorithm: 'blake3',
  leaf: (record) => blake3(record, { key: TREE_KEYS.leaf }),
  node: (left, right) => blake3(concat(left, right), { key: TREE_KEYS.node }),
  empty: () => blake3(new Uint8Array(0), { key: TREE_KEYS.empty }),
};

/** M3: RFC 6962 to the letter. */
const SHA256_TREE: TreeHash = {
  algorithm: 'sha256',
  leaf: (record) => sha256(concat(Uint8Array.of(0), record)),
  node: (left, right) => sha256(concat(Uint8Array.of(1), left, right)),
  empty: () => sha256(new Uint8Array(0)),
};

export function treeHash(algorithm: TreeAlgorithm): TreeHash {
  return algorithm === 'blake3' ? BLAKE3_TREE : SHA256_TREE;
}

/** Root over leaf hashes. */
export function rootOf(tree: TreeHash, leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return tree.empty();
  if (leaves.length === 1) return first;
  const split = leftSize(leaves.length);
  return tree.node(rootOf(tree, leaves.slice(0, split)), rootOf(tree, leaves.slice(split)));
}

/** PATH(index, leaves) of RFC 6962 §2.1.1, leaf side first. */
export function inclusionPath(
  tree: TreeHash,
  leaves: readonly Uint8Array[],
  index: number,
): Uint8Array[] {
  assert(isUint(index) && index < leaves.length, 'an inclusion path needs index < size (M4)');
  if (leaves.length === 1) return [];
  const split = leftSize(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...inclusionPath(tree, left, index), rootOf(tree, right)]
    : [...inclusionPath(tree, right, index - split), rootOf(tree, left)];
}

/** PROOF(from, leaves) of RFC 6962 §2.1.2; empty for from = 0 and from = size (M4). */
export function consistencyPath(
  tree: TreeHash,
  leaves: readonly Uint8Array[],
  from: number,
): Uint8Array[] {
  assert(isUint(from) && from <= leaves.length, 'a consistency path needs from ≤ to (M4)');
  return from === 0 ? [] : subproof(tree, leaves, from, true);
}

function subproof(
  tree: TreeHash,
  leaves: readonly Uint8Array[],
  from: number,
  known: boolean,
): Uint8Array[] {
  if (from === leaves.length) return known ? [] : [rootOf(tree, leaves)];
  const split = leftSize(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return from <= split
    ? [...subproof(tree, left, from, known), rootOf(tree, right)]
    : [...subproof(tree, right, from - split, false), rootOf(tree, left)];
}

/** Largest power of two below `size`; in memory there are fewer than 2^32 leaves. */
function leftSize(size: number): number {
  return 2 ** (31 - Math.clz32(size - 1));
}

/**
 * The root an inclusion path leads to; `undefined` when the path cannot belong to (index, size).
 *
 * RFC 9162 §2.1.3.2, with sizes up to 2^53 − 1, hence no 32-bit operators.
 */
export function rootFromInclusion(tree: TreeHash, proof: InclusionProof): Uint8Array | undefined {
  if (!isUint(proof.size) || !isUint(proof.index) || proof.index >= proof.size) return undefined;
  if (!are32Bytes([proof.leaf, ...proof.path])) return undefined;
  let at = proof.index;
  let last = proof.size - 1; // index of the last subtree on the level of `at`
  let root = proof.leaf;
  for (const sibling of proof.path) {
    if (last === 0) return undefined;
    // The last subtree of an odd level has no sibling there: it rises to the level where it has one.
    while (at === last && isEven(at)) [at, last] = [at / 2, half(last)];
    root = isEven(at) ? tree.node(root, sibling) : tree.node(sibling, root);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? root : undefined;
}

/** Whether the leaf stands at `index` in the tree of `size` leaves with this root (M4). */
export function verifyInclusion(
  tree: TreeHash,
  proof: InclusionProof & { readonly root: Uint8Array },
): boolean {
  const root = rootFromInclusion(tree, proof);
  return root !== undefined && equalBytes(root, proof.root);
}

/** Whether the tree of `to` leaves begins with the tree of `from` leaves (M4, RFC 9162 §2.1.4.2). */
export function verifyConsistency(tree: TreeHash, proof: ConsistencyProof): boolean {
  const { from, to, fromRoot, toRoot, path } = proof;
  if (!isUint(to) || !isUint(from) || from > to) return false;
  if (!are32Bytes([fromRoot, toRoot, ...path])) return false;
  if (from === 0 && !equalBytes(fromRoot, tree.empty())) return false;
  if (from === to) return path.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return path.length === 0;
  return walkConsistency(tree, proof);
}

function walkConsistency(tree: TreeHash, proof: ConsistencyProof): boolean {
  let at = proof.from - 1;
  let last = proof.to - 1;
  while (!isEven(at)) [at, last] = [half(at), half(last)];
  // `at` = 0: the old tree is complete, so its root is the path's start and is not repeated in it.
  const path = at === 0 ? [proof.fromRoot, ...proof.path] : proof.path;
  const [start, ...siblings] = path;
  if (start === undefined) return false;
  let oldRoot = start;
  let newRoot = start;
  for (const sibling of siblings) {
    if (last === 0) return false;
    if (isEven(at) && at !== last) {
      newRoot = tree.node(newRoot, sibling);
    } else {
      while (isEven(at) && at !== 0) [at, last] = [at / 2, half(last)];
      oldRoot = tree.node(sibling, oldRoot);
      newRoot = tree.node(sibling, newRoot);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(oldRoot, proof.fromRoot) && equalBytes(newRoot, proof.toRoot);
}

function isEven(value: number): boolean {
  return value % 2 === 0;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function are32Bytes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === 32);
}
