import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { seededRandom } from '../../devnet/sim/random.ts';
import type { Core } from '../../native/types.ts';
import {
  consistencyPath,
  inclusionPath,
  rootOf,
  type TreeAlgorithm,
  treeHash,
  verifyConsistency,
  verifyInclusion,
} from '../../receipt/index.ts';
import { encodeProposal, openNativeLogStore } from '../../storage/index.ts';
import { partitionsOf } from '../support/memory-notary.ts';
import { openTestCore } from '../support/native-core.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const RECORDS = 5_000;
const PAIRS_UP_TO = 70;

/** Two implementations of merkle.md, M2 to M4: the native one, and receipt/, which never saw it. */
describe('native trees equal those of receipt/', () => {
  let core: Core;
  let close: () => Promise<void> = async () => {};
  const leaves: Record<TreeAlgorithm, Uint8Array[]> = { blake3: [], sha256: [] };

  before(async () => {
    const partitions = partitionsOf(1, { sha256: true });
    ({ core, close } = await openTestCore(partitions));
    // Batches of random sizes, because the tree grows by batches.
    const random = seededRandom(SEED);
    for (let done = 0; done < RECORDS; ) {
      const count = Math.min(RECORDS - done, 1 + Math.floor(random() ** 3 * 700));
      const records = Array.from({ length: count }, (_, i) => ({
        schemaId: 0,
        value: Buffer.from(`${SEED} ${done + i}`),
        submitter: '',
      }));
      await core.propose(0, encodeProposal(records), { wait: 'durable', paths: false });
      done += count;
    }
    const store = openNativeLogStore(core, partitions);
    for (const { leaf } of store.read(0, 0, 1 << 30)) {
      leaves.blake3.push(treeHash('blake3').leaf(leaf));
      leaves.sha256.push(treeHash('sha256').leaf(leaf));
    }
    assert.equal(leaves.blake3.length, RECORDS);
  });
  after(() => close());

  for (const algorithm of ['blake3', 'sha256'] as const) {
    const tree = treeHash(algorithm);
    const upTo = (size: number) => leaves[algorithm].slice(0, size);
    const root = (size: number) => core.root(0, size, algorithm);

    it(`${algorithm}: every path of every size up to ${PAIRS_UP_TO}`, () => {
      for (let size = 0; size <= PAIRS_UP_TO; size++) {
        const some = upTo(size);
        same(root(size), rootOf(tree, some), `root of ${size}`);
        for (let index = 0; index < size; index++) {
          const path = core.inclusion(0, index, size, algorithm);
          same(path, Buffer.concat(inclusionPath(tree, some, index)), `${index} in ${size}`);
        }
        for (let from = 0; from <= size; from++) {
          const path = core.consistency(0, from, size, algorithm);
          same(path, Buffer.concat(consistencyPath(tree, some, from)), `${from} to ${size}`);
        }
      }
    });

    it(`${algorithm}: random sizes up to ${RECORDS} (seed ${SEED})`, () => {
      const sizes = fc.tuple(fc.integer({ min: 1, max: RECORDS }), fc.nat(), fc.nat());
      fc.assert(
        fc.property(sizes, ([size, a, b]) => {
          const some = upTo(size);
          const index = a % size;
          const from = b % (size + 1);
          const whole = root(size);
          same(whole, rootOf(tree, some), `root of ${size}`);
          const inclusion = core.inclusion(0, index, size, algorithm);
          same(inclusion, Buffer.concat(inclusionPath(tree, some, index)), `${index} in ${size}`);
          const consistency = core.consistency(0, from, size, algorithm);
          same(consistency, Buffer.concat(consistencyPath(tree, some, from)), `${from} to ${size}`);
          const leaf = some[index] ?? new Uint8Array();
          const path = hashes(inclusion);
          assert.ok(verifyInclusion(tree, { index, size, leaf, path, root: whole }));
          const range = { from, to: size, fromRoot: root(from), toRoot: whole };
          assert.ok(verifyConsistency(tree, { ...range, path: hashes(consistency) }));
        }),
        { numRuns: 25, seed: SEED },
      );
    });
  }
});

function same(native: Uint8Array, receipt: Uint8Array, what: string): void {
  assert.equal(Buffer.from(native).toString('hex'), Buffer.from(receipt).toString('hex'), what);
}

function hashes(packed: Uint8Array): Uint8Array[] {
  return Array.from({ length: packed.length / 32 }, (_, i) => packed.subarray(32 * i, 32 * i + 32));
}
