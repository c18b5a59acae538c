/** state.json: one history, its proofs, and bytes that are none (state.md). */
import { toHex, toUtf8 } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import {
  STATE_EMPTY_ROOT,
  stateBit,
  stateLeafHash,
  stateNodeHash,
  statePath,
  stateValueHash,
} from '../../receipt/index.ts';
import { modelProof, modelRoot, type StateMap, withChanges } from '../support/state-model.ts';

type Change = readonly [key: Uint8Array, value: Uint8Array | undefined];

const key = (i: number) => toUtf8(`key ${i}`);
const value = (i: number, round: number) => toUtf8(`value ${i}.${round}`.repeat(i % 4));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Version by version: growth, rewriting, deletion down to one key, then nothing, then all at once. */
const HISTORY: readonly (readonly Change[])[] = [
  [[key(0), value(1, 0)]],
  [[key(1), value(1, 0)]],
  range(2, 40).map((i) => [key(i), value(i, 0)]),
  range(10, 20).map((i) => [key(i), i % 3 === 0 ? undefined : value(i, 1)]),
  [
    [key(100), undefined],
    [key(5), value(5, 1)],
    [key(5), value(5, 2)],
    [new Uint8Array(0), new Uint8Array(0)],
  ],
  range(0, 40).map((i) => [key(i), i === 7 ? value(7, 5) : undefined]),
  [
    [key(7), undefined],
    [new Uint8Array(0), undefined],
  ],
  range(0, 300).map((i) => [key(i), value(i, 9)]),
];

export function stateVectors() {
  let map: StateMap = new Map();
  const versions = HISTORY.map((changes) => {
    map = withChanges(map, changes);
    return {
      changes: changes.map(([k, v]) => [toHex(k), v === undefined ? null : toHex(v)]),
      count: map.size,
      root: toHex(modelRoot(map)),
    };
  });
  const asked = [...range(0, 4), ...range(298, 340)];
  const proofs = asked.map((i) => {
    const has = map.get(toHex(key(i)));
    return {
      key: toHex(key(i)),
      value: has === undefined ? null : toHex(has),
      proof: toHex(modelProof(map, key(i))),
    };
  });
  return { hashes: hashes(), versions, proofs, refused: refused(map) };
}

function hashes() {
  const [path, valueHash] = [statePath(key(0)), stateValueHash(value(1, 0))];
  const leaf = stateLeafHash(path, valueHash);
  return {
    key: toHex(key(0)),
    value: toHex(value(1, 0)),
    path: toHex(path),
    valueHash: toHex(valueHash),
    leaf: toHex(leaf),
    node: toHex(stateNodeHash(leaf, path)),
    empty: toHex(STATE_EMPTY_ROOT),
  };
}

/** Changed proofs, each with the code of its refusal; all are refused under every root, most under this. */
function refused(map: StateMap) {
  const root = modelRoot(map);
  const kindOf = (kind: number) => range(0, 2000).find((i) => modelProof(map, key(i))[0] === kind) ?? 0;
  const of = (i: number) => ({ i, proof: modelProof(map, key(i)) });
  const [own, empty, other] = [of(kindOf(0)), of(kindOf(1)), of(kindOf(2))];
  const edit = (proof: Uint8Array, change: (copy: Uint8Array) => void) => {
    const copy = proof.slice();
    change(copy);
    return copy;
  };
  const bitmapEnd = (proof: Uint8Array) => 3 + Math.ceil((proof[1] ?? 0) / 8);
  const join = (...parts: readonly (Uint8Array | number[])[]) =>
    Uint8Array.from(parts.flatMap((part) => [...part]));
  const swap = (proof: Uint8Array) => {
    const end = bitmapEnd(proof);
    const [a, b] = [proof.slice(end, end + 32), proof.slice(end + 32, end + 64)];
    return join(proof.slice(0, end), b, a, proof.slice(end + 64));
  };
  const sides = (index: number) => stateBit(statePath(key(other.i)), index);
  const wrongSide = range(0, 2000).find((i) => stateBit(statePath(key(i)), 0) !== sides(0)) ?? 0;
  const v = (i: number) => map.get(toHex(key(i)));
  const rows: readonly (readonly [string, number, Uint8Array | undefined, Uint8Array, string])[] = [
    ['nothing', own.i, v(own.i), new Uint8Array(0), 'malformed'],
    ['head cut off', own.i, v(own.i), own.proof.slice(0, 2), 'malformed'],
    ['unknown kind', own.i, v(own.i), edit(own.proof, (p) => p.fill(3, 0, 1)), 'malformed'],
    ['last hash cut off', own.i, v(own.i), own.proof.slice(0, -32), 'malformed'],
    ['last byte cut off', own.i, v(own.i), own.proof.slice(0, -1), 'malformed'],
    ['one byte more', own.i, v(own.i), join(own.proof, [0]), 'malformed'],
    ['one hash more', own.i, v(own.i), join(own.proof, root), 'malformed'],
    ['depth above 256', own.i, v(own.i), join([0, 1, 1], new Uint8Array(33)), 'malformed'],
    ['deepest sibling empty', own.i, v(own.i), Uint8Array.of(0, 1, 0, 0), 'not-canonical'],
    ['no path in a tree of many', own.i, v(own.i), Uint8Array.of(0, 0, 0), 'bad-path'],
    ['a bit behind the depth', own.i, v(own.i), join([0, 1, 0, 0x40], root), 'not-canonical'],
    ['a spare bit with a hash of its own', own.i, v(own.i), spare(own.proof, root), 'not-canonical'],
    ['an empty sibling spelled out', own.i, v(own.i), join([0, 1, 0, 0x80], STATE_EMPTY_ROOT), 'not-canonical'],
    ['siblings in another order', own.i, v(own.i), swap(own.proof), 'bad-path'],
    ['another value', own.i, toUtf8('another'), own.proof, 'bad-path'],
    ['value shown where absence is asked', own.i, undefined, own.proof, 'bad-path'],
    ['inclusion called absence', own.i, undefined, edit(own.proof, (p) => p.fill(1, 0, 1)), 'bad-path'],
    ['absence shown where a value is asked', empty.i, toUtf8(''), empty.proof, 'bad-path'],
    ['absence called inclusion', empty.i, toUtf8(''), edit(empty.proof, (p) => p.fill(0, 0, 1)), 'bad-path'],
    ['absence of another key', own.i, undefined, empty.proof, 'bad-path'],
    ["the key's own leaf as the other", own.i, undefined, asOther(own.proof, own.i, v(own.i)), 'bad-path'],
    ['a leaf that is not in the way', wrongSide, undefined, other.proof, 'bad-path'],
    ["the other leaf's value changed", other.i, undefined, edit(other.proof, (p) => p.fill(1, -1)), 'bad-path'],
  ];
  return rows.map(([why, i, val, proof, code]) => ({
    why,
    root: toHex(root),
    key: toHex(key(i)),
    value: val === undefined ? null : toHex(val),
    proof: toHex(proof),
    code: `receipt/${code}`,
  }));
}

/** The first bit behind the depth set, and a hash for it behind all others, where nobody would read it. */
function spare(proof: Uint8Array, hash: Uint8Array): Uint8Array {
  const depth = proof[1] ?? 0;
  assert(depth % 8 !== 0, 'a depth that leaves spare bits');
  const copy = Uint8Array.from([...proof, ...hash]);
  const at = 3 + (depth >> 3);
  copy[at] = (copy[at] ?? 0) | (0x80 >> (depth & 7));
  return copy;
}

function asOther(proof: Uint8Array, i: number, has: Uint8Array | undefined): Uint8Array {
  const tail = [statePath(key(i)), stateValueHash(has ?? new Uint8Array(0))];
  return Uint8Array.from([2, ...proof.slice(1), ...tail.flatMap((part) => [...part])]);
}
