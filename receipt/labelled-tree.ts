// SPDX-License-Identifier: Apache-2.0
/**
 * Hashes and trees under a label: what blocks are made of (chain.md).
 *
 * Every kind of thing has its own label, hence its own key: the hash of a header is
 * never the hash of a transaction, and a path in one tree proves nothing in another.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { concat, toUtf8 } from '../base/bytes.ts';
import { inclusionPath, rootOf, type TreeHash, verifyInclusion } from './merkle.ts';

/** BLAKE3 `derive_key` with the context `pyralog v1 <label>`, 32 bytes. */
export function labelHash(label: string, bytes: Uint8Array): Uint8Array {
  return blake3(bytes, { context: toUtf8(`pyralog v1 ${label}`) });
}

/** A tree of the shape of merkle.md under the keys of one label. */
export interface LabelledTree {
  /** For the functions of merkle.ts. */
  readonly hash: TreeHash;
  /** Hash of a leaf's content; every function below takes leaves in this form. */
  leaf(content: Uint8Array): Uint8Array;
  /** Root over leaf hashes, in order. */
  root(leaves: readonly Uint8Array[]): Uint8Array;
  /** Path of the leaf at `index`, leaf side first (M4). */
  path(leaves: readonly Uint8Array[], index: number): Uint8Array[];
  /** Whether the leaf hash stands at `index` among `size` (M4). */
  verify(proof: LabelledInclusion): boolean;
}

export interface LabelledInclusion {
  readonly index: number;
  readonly size: number;
  /** 32 bytes, of {@link LabelledTree.leaf}. */
  readonly leaf: Uint8Array;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** Keys `derive_key("pyralog v1 <label> leaf")`, `… node`, `… empty` over empty material. */
export function labelledTree(label: string): LabelledTree {
  const [leafKey, nodeKey, emptyKey] = ['leaf', 'node', 'empty'].map((part) =>
    labelHash(`${label} ${part}`, new Uint8Array(0)),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const hash: TreeHash = {
    algorithm: 'blake3',
    leaf: (content) => blake3(content, { key: leafKey }),
    node: (left, right) => blake3(concat(left, right), { key: nodeKey }),
    empty: () => blake3(new Uint8Array(0), { key: emptyKey }),
  };
  return {
    hash,
    leaf: hash.leaf,
    root: (leaves) => rootOf(hash, leaves),
    path: (leaves, index) => inclusionPath(hash, leaves, index),
    verify: (proof) => verifyInclusion(hash, proof),
  };
}

/** X10: over the bytes of the block's transactions. */
export const TRANSACTIONS_TREE: LabelledTree = labelledTree('transactions');
/** X10: over the anchors that executed, in the encoding of `encodeAnchorLeaf`. */
export const ANCHORS_TREE: LabelledTree = labelledTree('anchors');
/** X10: over the ids of all earlier headers, in order of height. */
export const HISTORY_TREE: LabelledTree = labelledTree('history');
