/**
 * The state tree written down as state.md defines it: from scratch, from a map, with bit strings. It shares no code with
 * the native tree or with receipt/; roots and proofs must come out the same.
 */
import { blake3 } from '@noble/hashes/blake3.js';

interface Leaf {
  /** The path as 256 characters 0 and 1. */
  readonly bits: string;
  readonly path: Uint8Array;
  readonly valueHash: Uint8Array;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...parts: readonly (Uint8Array | readonly number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const keyOf = (part: string) =>
  blake3(new Uint8Array(0), { context: utf8(`pyralog v1 state ${part}`) });
const KEYS = {
  value: keyOf('value'),
  leaf: keyOf('leaf'),
  node: keyOf('node'),
  empty: keyOf('empty'),
};
const keyed = (part: keyof typeof KEYS, ...parts: readonly Uint8Array[]) =>
  blake3(bytes(...parts), { key: KEYS[part] });
const bitsOf = (path: Uint8Array) =>
  [...path].map((byte) => byte.toString(2).padStart(8, '0')).join('');

/** Keys as hex, so that a map can hold them. */
export type StateMap = ReadonlyMap<string, Uint8Array>;

export const hexKey = (key: Uint8Array) => Buffer.from(key).toString('hex');

/** A map with changes made: what `apply` does to a version. */
export function withChanges(
  map: StateMap,
  changes: Iterable<readonly [Uint8Array, Uint8Array | undefined]>,
): StateMap {
  const next = new Map(map);
  for (const [key, value] of changes) {
    if (value === undefined) next.delete(hexKey(key));
    else next.set(hexKey(key), value);
  }
  return next;
}

/** Root of the state that holds `map` (U1–U3). */
export function modelRoot(map: StateMap): Uint8Array {
  const { leaves, roots } = treeOf(map);
  return rootOf(leaves, 0, roots);
}

/** The proof of `key`, in the encoding of U7. */
export function modelProof(map: StateMap, key: Uint8Array): Uint8Array {
  const bits = bitsOf(blake3(key));
  const { leaves, roots } = treeOf(map);
  let [inside, depth] = [leaves, 0];
  const siblings: Uint8Array[] = [];
  let marks = '';
  while (inside.length > 1) {
    const beside = inside.filter((leaf) => leaf.bits[depth] !== bits[depth]);
    inside = inside.filter((leaf) => leaf.bits[depth] === bits[depth]);
    depth += 1;
    marks += beside.length > 0 ? '1' : '0';
    if (beside.length > 0) siblings.unshift(rootOf(beside, depth, roots));
  }
  const [end] = inside;
  const kind = end === undefined ? 1 : end.bits === bits ? 0 : 2;
  const other = end !== undefined && kind === 2 ? [end.path, end.valueHash] : [];
  const bitmap = (marks.match(/.{1,8}/g) ?? []).map((byte) =>
    Number.parseInt(byte.padEnd(8, '0'), 2),
  );
  return bytes([kind, depth % 256, depth >> 8], bitmap, ...siblings, ...other);
}

interface Tree {
  readonly leaves: Leaf[];
  /** What was hashed, by the bits that its leaves have in common. */
  readonly roots: Map<string, Uint8Array>;
}

/** Of each map once: many proofs of one map are asked for. */
const known = new WeakMap<StateMap, Tree>();

function treeOf(map: StateMap): Tree {
  const tree = known.get(map) ?? { leaves: hashedLeaves(map), roots: new Map() };
  known.set(map, tree);
  return tree;
}

function hashedLeaves(map: StateMap): Leaf[] {
  return [...map].map(([key, value]) => {
    const path = blake3(Buffer.from(key, 'hex'));
    return { bits: bitsOf(path), path, valueHash: keyed('value', value) };
  });
}

function rootOf(
  leaves: readonly Leaf[],
  depth: number,
  roots: Map<string, Uint8Array>,
): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return keyed('empty');
  const place = first.bits.slice(0, depth);
  const root = roots.get(place) ?? hashOf(first, leaves, depth, roots);
  roots.set(place, root);
  return root;
}

function hashOf(
  first: Leaf,
  leaves: readonly Leaf[],
  depth: number,
  roots: Map<string, Uint8Array>,
): Uint8Array {
  if (leaves.length === 1) return keyed('leaf', first.path, first.valueHash);
  const side = (bit: string) =>
    rootOf(
      leaves.filter((leaf) => leaf.bits[depth] === bit),
      depth + 1,
      roots,
    );
  return keyed('node', side('0'), side('1'));
}
