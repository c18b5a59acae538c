import { strict as assert } from 'node:assert';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { fromHex, toHex, toUtf8 } from '../../../base/bytes.ts';
import {
  attachStateTree,
  openStateTree,
  packStateChanges,
  type StateTree,
} from '../../../native/index.ts';
import { verifyStateProof } from '../../../receipt/index.ts';
import { modelProof, modelRoot, type StateMap, withChanges } from '../../support/state-model.ts';
import { vectors } from '../receipt/support.ts';

type Change = readonly [Uint8Array, Uint8Array | undefined];

const EMPTY: StateMap = new Map();
const keys = fc.integer({ min: 0, max: 80 }).map((i) => toUtf8(`key ${i}`));
const values = fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined, freq: 3 });
const changes = fc.array(fc.tuple(keys, values), { maxLength: 25 });
/** Each step applies to one of the versions before it, so histories fork. */
const histories = fc.array(fc.tuple(fc.nat(), changes), { minLength: 1, maxLength: 12 });
const key = (i: number) => toUtf8(`key ${i}`);
const many = (count: number): Change[] =>
  Array.from({ length: count }, (_, i) => [key(i), toUtf8(`value ${i}`)]);

describe('state tree', () => {
  let tree: StateTree;

  beforeEach(() => {
    tree = openStateTree();
  });
  afterEach(() => tree.close());

  it('has the roots, counts and proofs of the naive model over histories with forks (U1–U7)', () => {
    fc.assert(
      fc.property(histories, keys, (history, asked) => {
        const versions: { version: number; map: StateMap }[] = [{ version: 0, map: EMPTY }];
        for (const [from, list] of history) {
          const parent = versions[from % versions.length] ?? assert.fail('there is version 0');
          const made = tree.apply(parent.version, packStateChanges(list));
          const map = withChanges(parent.map, list);
          assert.deepEqual(Buffer.from(made.root), Buffer.from(modelRoot(map)));
          versions.push({ version: made.version, map });
        }
        for (const { version, map } of versions) {
          assert.equal(tree.count(version), map.size);
          assert.equal(
            toHex(tree.root(version)),
            toHex(modelRoot(map)),
            'forks leave it as it was',
          );
          const proof = tree.prove(version, asked);
          assert.equal(toHex(proof), toHex(modelProof(map, asked)));
          const value = map.get(toHex(asked));
          assert.ok(verifyStateProof(tree.root(version), asked, value, proof).ok);
          tree.release(version);
        }
        const { versions: alive, leaves, innerNodes } = tree.stats();
        assert.deepEqual({ alive, leaves, innerNodes }, { alive: 0, leaves: 0, innerNodes: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it('makes the shared vectors', () => {
    const { versions, proofs } = JSON.parse(vectors('state.json'));
    const bytes = (hex: string) => fromHex(hex) ?? assert.fail('not hex');
    let newest = 0;
    for (const { changes: list, count, root } of versions) {
      const packed = packStateChanges(
        list.map(([k, v]: [string, string | null]) => [
          bytes(k),
          v === null ? undefined : bytes(v),
        ]),
      );
      const made = tree.apply(newest, packed);
      tree.release(newest);
      newest = made.version;
      assert.equal(toHex(made.root), root);
      assert.equal(tree.count(newest), count);
    }
    for (const { key: k, proof } of proofs)
      assert.equal(toHex(tree.prove(newest, bytes(k))), proof);
  });

  it('builds off the event loop what apply makes, while other calls are answered (U5)', async () => {
    const list = many(30_000);
    const building = tree.build(packStateChanges(list));
    const small = tree.apply(0, packStateChanges(many(3)));
    const built = await building;
    const second = await tree.build(packStateChanges([[key(0), undefined]]), built.version);
    const applied = tree.apply(0, packStateChanges(list));
    assert.equal(toHex(built.root), toHex(applied.root));
    assert.deepEqual([tree.count(built.version), tree.count(second.version)], [30_000, 29_999]);
    assert.equal(toHex(small.root), toHex(modelRoot(withChanges(EMPTY, many(3)))));
    assert.equal(tree.stats().versions, 4, 'steps in between are released');
  });

  it('refuses what is not packed changes and versions that are not alive', async () => {
    const torn = packStateChanges(many(2)).subarray(0, -1);
    assert.throws(() => tree.apply(0, torn), { code: 'state/malformed', message: /byte 20 of/ });
    await assert.rejects(tree.build(torn), { code: 'state/malformed' });
    const { version } = tree.apply(0, packStateChanges(many(2)));
    tree.release(version);
    for (const wrong of [version, 99, -1, 0.5, Number.NaN, 2 ** 60]) {
      const error = { code: 'state/no-such-version' };
      assert.throws(() => tree.apply(wrong, new Uint8Array()), error);
      assert.throws(() => tree.root(wrong), error);
      assert.throws(() => tree.count(wrong), error);
      assert.throws(() => tree.prove(wrong, key(0)), error);
      assert.throws(() => tree.release(wrong), error);
      await assert.rejects(tree.build(new Uint8Array(), wrong), error);
    }
    tree.release(0);
    assert.equal(tree.count(0), 0);
  });

  it('is refused after close, by every thread', async () => {
    const other = attachStateTree(tree.handle);
    const { version } = other.apply(0, packStateChanges(many(1)));
    assert.equal(tree.count(version), 1);
    const building = tree.build(packStateChanges(many(20_000)));
    tree.close();
    // Whoever is first wins; a loser is told so.
    await building.catch((error) => assert.equal(error.code, 'state/closed'));
    assert.throws(() => other.count(version), { code: 'state/closed' });
    assert.throws(() => attachStateTree(tree.handle), { code: 'state/closed' });
    other.close();
  });

  it('proves in a worker what the main thread applied', async () => {
    const { version, root } = tree.apply(0, packStateChanges(many(100)));
    const source = `
      import { parentPort, workerData } from 'node:worker_threads';
      import { attachStateTree } from ${JSON.stringify(new URL('../../../native/index.ts', import.meta.url).href)};
      const { handle, version, key } = workerData;
      parentPort.postMessage(attachStateTree(handle).prove(version, key));`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: { handle: tree.handle, version, key: key(5) },
    });
    const proof = await new Promise<Uint8Array>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
    await worker.terminate();
    assert.ok(verifyStateProof(root, key(5), toUtf8('value 5'), Uint8Array.from(proof)).ok);
  });
});
