import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { openHistory, treePath, treeRoot } from '../../../native/index.ts';
import { HISTORY_TREE, labelledTree } from '../../../receipt/index.ts';

const leaves = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 70 });
const plain = (hashes: readonly Uint8Array[]) => hashes.map((hash) => Uint8Array.from(hash));

describe('trees of blocks in native code (X10)', () => {
  it('have the roots and paths that receipt/ makes and verifies', () => {
    const label = fc.constantFrom('transactions', 'anchors', 'history', 'something else');
    fc.assert(
      fc.property(label, leaves, fc.nat(), (name, list, at) => {
        const tree = labelledTree(name);
        const hashes = list.map((leaf) => tree.leaf(leaf));
        assert.deepEqual(Uint8Array.from(treeRoot(name, list)), tree.root(hashes));
        if (list.length === 0) return;
        const index = at % list.length;
        assert.deepEqual(plain(treePath(name, list, index)), tree.path(hashes, index));
      }),
    );
  });

  it('keep the history at every size it had', () => {
    const id = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        fc.array(id, { minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.nat(),
        (ids, s, i) => {
          const history = openHistory();
          for (const one of ids) history.append([one]);
          const size = 1 + (s % ids.length);
          const index = i % size;
          const hashes = ids.slice(0, size).map((one) => HISTORY_TREE.leaf(one));
          const root = Uint8Array.from(history.root(size));
          assert.deepEqual(root, HISTORY_TREE.root(hashes));
          const path = plain(history.path(index, size));
          const leaf = hashes[index] ?? assert.fail();
          assert.ok(HISTORY_TREE.verify({ index, size, leaf, path, root }));
          assert.equal(history.size, ids.length);
          history.close();
        },
      ),
    );
  });

  it('refuse what is not there, by code', () => {
    assert.throws(() => treePath('anchors', [], 0), { code: 'tree/out-of-range' });
    assert.throws(() => treePath('anchors', [new Uint8Array(1)], -1), {
      code: 'tree/out-of-range',
    });
    const history = openHistory();
    assert.deepEqual(Uint8Array.from(history.root(0)), HISTORY_TREE.root([]));
    assert.throws(() => history.root(1), { code: 'tree/out-of-range' });
    assert.throws(() => history.append([new Uint8Array(31)]), { code: 'tree/malformed' });
    history.close();
    history.close();
    assert.throws(() => history.size, { code: 'tree/closed' });
  });
});
