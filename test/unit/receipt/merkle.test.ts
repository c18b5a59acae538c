import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import * as r from '../../../receipt/index.ts';
import { leavesOf } from './support.ts';

const ALGORITHMS = ['blake3', 'sha256'] as const;

/** The tree level by level, an odd last node rising unchanged: another way to RFC 6962's shape. */
function levelsOf(tree: r.TreeHash, leaves: readonly Uint8Array[]): Uint8Array[][] {
  const levels = [[...leaves]];
  for (let top = levels[0] ?? []; top.length > 1; ) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < top.length; i += 2) {
      const [left, right] = top.slice(i, i + 2);
      if (left) next.push(right ? tree.node(left, right) : left);
    }
    levels.push(next);
    top = next;
  }
  return levels;
}

function referencePath(levels: readonly Uint8Array[][], index: number): Uint8Array[] {
  return levels.flatMap((level, height) => level[Math.floor(index / 2 ** height) ^ 1] ?? []);
}

function referenceRoot(tree: r.TreeHash, leaves: readonly Uint8Array[]): Uint8Array {
  return levelsOf(tree, leaves).at(-1)?.[0] ?? tree.empty();
}

interface Proof extends r.InclusionProof {
  readonly root: Uint8Array;
}

/** One thing changed in a good proof. */
function wrongProofs(good: Proof): Proof[] {
  const { index, size, leaf, path, root } = good;
  const indices = [-1, index + 0.5, size, ...Array(size).keys()].filter((i) => i !== index);
  const damaged = path.map((_, i) => path.map((hash, j) => (i === j ? flip(hash) : hash)));
  const cut = path.length > 0 ? [path.slice(1), path.slice(0, -1)] : [];
  return [
    { ...good, leaf: flip(leaf) },
    { ...good, leaf: leaf.slice(1) },
    { ...good, root: flip(root) },
    ...indices.map((other) => ({ ...good, index: other })),
    ...[...damaged, ...cut, [...path, root], [root, ...path]].map((other) => ({
      ...good,
      path: other,
    })),
  ];
}

const flip = (hash: Uint8Array) => hash.map((byte, i) => (i === 7 ? byte ^ 4 : byte));

describe('merkle', function () {
  this.timeout(60_000); // every (index, size) pair

  for (const algorithm of ALGORITHMS) {
    const tree = r.treeHash(algorithm);
    const leaves = leavesOf(algorithm, 70);

    it(`${algorithm}: all (index, size) pairs up to 70 (M2–M4)`, () => {
      for (let size = 1; size <= 70; size++) {
        const some = leaves.slice(0, size);
        const levels = levelsOf(tree, some);
        const root = r.rootOf(tree, some);
        assert.deepEqual(root, levels.at(-1)?.[0]);
        for (const [index, leaf] of some.entries()) {
          const path = r.inclusionPath(tree, some, index);
          assert.deepEqual(path, referencePath(levels, index));
          assert.ok(r.verifyInclusion(tree, { index, size, leaf, path, root }), `${index}/${size}`);
        }
      }
    });

    it(`${algorithm}: all (from, to) pairs up to 70 (M4)`, () => {
      const roots = Array.from({ length: 71 }, (_, n) => referenceRoot(tree, leaves.slice(0, n)));
      for (let to = 0; to <= 70; to++) {
        for (let from = 0; from <= to; from++) {
          const [fromRoot = tree.empty(), toRoot = tree.empty()] = [roots[from], roots[to]];
          const path = r.consistencyPath(tree, leaves.slice(0, to), from);
          const proof = { from, to, fromRoot, toRoot, path };
          assert.ok(r.verifyConsistency(tree, proof), `${from} to ${to}`);
          assert.ok(!r.verifyConsistency(tree, { ...proof, fromRoot: flip(fromRoot) }));
          if (from > 0) assert.ok(!r.verifyConsistency(tree, { ...proof, toRoot: flip(toRoot) }));
          assert.ok(!r.verifyConsistency(tree, { ...proof, path: [...path, toRoot] }));
          assert.ok(
            path.length === 0 || !r.verifyConsistency(tree, { ...proof, path: path.slice(1) }),
          );
          assert.ok(
            path.length === 0 || !r.verifyConsistency(tree, { ...proof, path: path.slice(0, -1) }),
          );
        }
      }
    });

    it(`${algorithm}: a proof holds for nothing else (M4)`, () => {
      for (let size = 1; size <= 20; size++) {
        const some = leaves.slice(0, size);
        const root = r.rootOf(tree, some);
        for (const [index, leaf] of some.entries()) {
          const path = r.inclusionPath(tree, some, index);
          const bad = wrongProofs({ index, size, leaf, path, root });
          for (const proof of bad) assert.ok(!r.verifyInclusion(tree, proof));
        }
      }
    });

    it(`${algorithm}: random trees of 0 to 5,000 leaves`, () => {
      const many = leavesOf(algorithm, 5000);
      fc.assert(
        fc.property(fc.nat(5000), fc.nat(), fc.nat(), (size, a, b) => {
          const some = many.slice(0, size);
          const root = referenceRoot(tree, some);
          assert.deepEqual(r.rootOf(tree, some), root);
          const from = a % (size + 1);
          const fromRoot = referenceRoot(tree, some.slice(0, from));
          const path = r.consistencyPath(tree, some, from);
          assert.ok(r.verifyConsistency(tree, { from, to: size, fromRoot, toRoot: root, path }));
          if (size === 0) return;
          const index = b % size;
          const leaf = some[index] ?? tree.empty();
          const proof = { index, size, leaf, path: r.inclusionPath(tree, some, index), root };
          assert.ok(r.verifyInclusion(tree, proof));
        }),
        { numRuns: 12 },
      );
    });
  }

  it('walks trees far larger than 2^32', () => {
    const tree = r.treeHash('blake3');
    const [leaf = tree.empty()] = leavesOf('blake3', 1);
    const path = Array.from({ length: 53 }, (_, i) => tree.leaf(new Uint8Array(128).fill(i)));
    const root = path.reduce((below, sibling) => tree.node(sibling, below), leaf);
    // The last leaf of a tree of 2^53 − 1: it has a left sibling on every level but the lowest.
    const [index, size] = [2 ** 53 - 2, 2 ** 53 - 1];
    assert.ok(!r.verifyInclusion(tree, { index, size, leaf, path, root }));
    const shorter = path.slice(0, 52);
    const top = shorter.reduce((below, sibling) => tree.node(sibling, below), leaf);
    assert.ok(r.verifyInclusion(tree, { index, size, leaf, path: shorter, root: top }));
  });

  it('does not take an empty old tree for any root', () => {
    const tree = r.treeHash('blake3');
    const empty = tree.empty();
    const other = flip(empty);
    const proof = { from: 0, to: 0, fromRoot: empty, toRoot: empty, path: [] };
    assert.ok(r.verifyConsistency(tree, proof));
    assert.ok(!r.verifyConsistency(tree, { ...proof, fromRoot: other, toRoot: other }));
    assert.ok(!r.verifyConsistency(tree, { ...proof, toRoot: other }));
    assert.ok(!r.verifyConsistency(tree, { ...proof, from: 1 }));
  });
});
