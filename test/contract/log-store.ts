import { strict as assert } from 'node:assert';
import { blake3 } from '@noble/hashes/blake3.js';
import { treeHash, verifyConsistency, verifyInclusion } from '../../receipt/index.ts';
import {
  encodeProposal,
  type LogStore,
  type ProposedRecord,
  type TreeAlgorithm,
} from '../../storage/index.ts';

/** A store of two empty partitions, of which the first keeps a SHA-256 tree. */
export interface StoreUnderTest {
  readonly store: LogStore;
  /** Commits a proposal through whatever writes to this store. */
  readonly write: (partition: number, proposal: Uint8Array) => Promise<void>;
  readonly close: () => Promise<void>;
}

const ALGORITHMS: readonly TreeAlgorithm[] = ['blake3', 'sha256'];

/** What every {@link LogStore} keeps. */
export function describeLogStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`LogStore: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LogStore;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.close());

    async function fill(count: number, partition = 0): Promise<void> {
      const start = store.durableSize(partition);
      const records = Array.from({ length: count }, (_, i) => recordOf(start + i));
      await under.write(partition, encodeProposal(records));
    }

    it('starts empty, with its partitions named', () => {
      assert.equal(store.firstOffset(0), 0);
      assert.throws(() => store.firstOffset(2), { code: 'log/out-of-range' });
      assert.equal(store.partitions.length, 2);
      assert.notEqual(store.partitions[0]?.origin, store.partitions[1]?.origin);
      assert.equal(store.durableSize(0), 0);
      assert.deepEqual(store.read(0, 0, 1_000), []);
      for (const algorithm of ALGORITHMS) {
        assert.deepEqual(bytes(store.root(0, 0, algorithm)), bytes(treeHash(algorithm).empty()));
      }
    });

    it('gives back what was written, in order, in the partition it was written to', async () => {
      await fill(5);
      await fill(2, 1);
      assert.deepEqual([store.durableSize(0), store.durableSize(1)], [5, 2]);
      const rows = store.read(0, 0, 1 << 20);
      assert.deepEqual(
        rows.map((row) => [row.record.offset, text(row.key), text(row.headers), text(row.value)]),
        [0, 1, 2, 3, 4].map((i) => {
          const { key, headers, value } = recordOf(i);
          return [i, text(key), text(headers), text(value)];
        }),
      );
    });

    it('keeps leaf records that commit to what stands beside them (L1, L5)', async () => {
      await fill(4);
      await fill(3);
      const rows = store.read(0, 0, 1 << 20);
      for (const [i, { record, value, key, headers }] of rows.entries()) {
        assert.deepEqual(bytes(record.valueHash), bytes(blake3(value)));
        assert.deepEqual(record.keyHash && bytes(record.keyHash), key && bytes(blake3(key)));
        assert.deepEqual(
          record.headersHash && bytes(record.headersHash),
          headers && bytes(blake3(headers)),
        );
        const before = rows[i - 1]?.record;
        assert.ok(before === undefined || before.timestamp <= record.timestamp);
        assert.ok(before === undefined || before.scarabId < record.scarabId);
        assert.ok(record.epoch >= 1);
      }
    });

    it('reads at least one row and no more bytes than asked beyond it', async () => {
      await fill(50);
      assert.deepEqual(offsets(store.read(0, 7, 0)), [7]);
      const some = offsets(store.read(0, 10, 1_000));
      assert.ok(some.length > 1 && some.length < 40, `${some.length} rows`);
      assert.deepEqual(
        some,
        Array.from({ length: some.length }, (_, i) => 10 + i),
      );
      assert.deepEqual(store.read(0, 50, 1_000), []);
    });

    for (const algorithm of ALGORITHMS) {
      it(`proves with its ${algorithm} tree what receipt/ verifies`, async () => {
        await fill(13);
        const tree = treeHash(algorithm);
        const leaves = store.read(0, 0, 1 << 20).map((row) => tree.leaf(row.leaf));
        for (let size = 1; size <= 13; size++) {
          const root = store.root(0, size, algorithm);
          for (const [index, leaf] of leaves.slice(0, size).entries()) {
            const path = store.inclusion(0, { index, size }, algorithm);
            assert.ok(verifyInclusion(tree, { index, size, leaf, path, root }), `${index}/${size}`);
          }
          for (let from = 0; from <= size; from++) {
            const path = store.consistency(0, { from, to: size }, algorithm);
            const fromRoot = store.root(0, from, algorithm);
            const proof = { from, to: size, fromRoot, toRoot: root, path };
            assert.ok(verifyConsistency(tree, proof), `${from} to ${size}`);
          }
        }
      });
    }

    it('finds records by id and by digest', async () => {
      const digests = [1, 2, 1].map((fill) => new Uint8Array(32).fill(fill));
      const multihashes = digests.map((digest) => Buffer.from([0x12, 32, ...digest]));
      const records = multihashes.map((value, i) => ({
        schemaId: 1,
        value,
        submitter: `someone-${i}`,
      }));
      // Opaque bytes that look like a digest are none.
      const decoy = { schemaId: 0, value: multihashes[0] ?? new Uint8Array(), submitter: 'x' };
      await under.write(0, encodeProposal([...records, decoy]));
      for (const { record } of store.read(0, 0, 1 << 20)) {
        assert.equal(store.findById(0, record.scarabId), record.offset);
        assert.equal(store.findById(1, record.scarabId), undefined);
        assert.equal(store.findById(0, record.scarabId + 4_000_000n), undefined);
      }
      const first = multihashes[0] ?? new Uint8Array();
      assert.deepEqual(store.findByDigest(0, first, 10), [0, 2]);
      assert.deepEqual(store.findByDigest(0, first, 1), [0]);
      assert.deepEqual(store.findByDigest(1, first, 10), []);
      assert.deepEqual(store.findByDigest(0, Buffer.from([0x12, 32, ...Buffer.alloc(32)]), 10), []);
    });

    it('finds the latest record of a key, as of a time, and none that is gone (Z11)', async () => {
      const record = (key: string | undefined, value: string, headers?: Uint8Array) => ({
        schemaId: 0,
        value: Buffer.from(value),
        submitter: 'me',
        idempotencyKey: `${serial++}`,
        ...(key === undefined ? {} : { key: Buffer.from(key) }),
        ...(headers === undefined ? {} : { headers }),
      });
      let serial = 0;
      await under.write(
        0,
        encodeProposal([record('a', '1'), record('b', '2'), record(undefined, '3')]),
      );
      await laterThan(store, 0);
      await under.write(0, encodeProposal([record('a', '4'), record('', '5')]));
      await laterThan(store, 0);
      await under.write(
        0,
        encodeProposal([record('b', '', tombstone), record('a', ''), record('c', '8', tombstone)]),
      );
      const [first, second, third] = [0, 3, 5].map(
        (offset) => store.read(0, offset, 0)[0]?.record.timestamp ?? 0,
      ) as [number, number, number];
      const find = (key: string, ms?: number) => store.findByKey(0, Buffer.from(key), ms);
      assert.deepEqual([find('a'), find('b'), find('c'), find('')], [6, undefined, 7, 4]);
      assert.equal(find('d'), undefined);
      assert.equal(store.findByKey(1, Buffer.from('a')), undefined);
      assert.deepEqual(
        [first - 1, first, second - 1, second, third - 1, third].map((ms) => find('a', ms)),
        [undefined, 0, 0, 3, 3, 6],
      );
      assert.deepEqual([find('b', second), find('b', third)], [1, undefined]);
      assert.deepEqual(
        [0, first, first + 1, second, second + 1, third, third + 1].map((ms) =>
          store.findByTime(0, ms),
        ),
        [0, 0, 3, 3, 5, 5, undefined],
      );
      assert.equal(store.findByTime(1, 0), undefined);
    });

    it('pins what a reader sees', async () => {
      await fill(3);
      const pin = store.pin();
      const root = bytes(store.root(0, 3, 'blake3'));
      await fill(4);
      assert.equal(pin.size(0), 3);
      assert.deepEqual(offsets(pin.read(0, 1, 1 << 20)), [1, 2]);
      assert.deepEqual(pin.read(0, 3, 1 << 20), []);
      assert.deepEqual(bytes(pin.root(0, 'blake3')), root);
      assert.throws(() => pin.read(0, 4, 100), { code: 'log/out-of-range' });
      assert.equal(store.pin().size(0), 7);
      pin.release();
      pin.release();
    });

    it('says out-of-range for what is not there', async () => {
      await fill(3);
      const calls: Record<string, () => unknown> = {
        'durableSize of no partition': () => store.durableSize(2),
        'read beyond the end': () => store.read(0, 4, 100),
        'root beyond the end': () => store.root(0, 4, 'blake3'),
        'root of no tree': () => store.root(1, 0, 'sha256'),
        'inclusion beyond the size': () => store.inclusion(0, { index: 2, size: 2 }, 'blake3'),
        'inclusion beyond the end': () => store.inclusion(0, { index: 2, size: 4 }, 'blake3'),
        'consistency backwards': () => store.consistency(0, { from: 3, to: 2 }, 'blake3'),
        'consistency beyond the end': () => store.consistency(0, { from: 3, to: 4 }, 'blake3'),
        'negative offset': () => store.read(0, -1, 100),
        'fractional size': () => store.root(0, 1.5, 'blake3'),
        'find in no partition': () => store.findById(9, 1n),
        'key in no partition': () => store.findByKey(9, Buffer.from('a')),
        'time in no partition': () => store.findByTime(9, 0),
        'key as of no time': () => store.findByKey(0, Buffer.from('a'), -1),
        'fractional time': () => store.findByTime(0, 1.5),
      };
      for (const [what, call] of Object.entries(calls)) {
        assert.throws(call, { code: 'log/out-of-range' }, what);
      }
    });
  });
}

/** Headers of a tombstone, and one before. */
const tombstone = Buffer.from([
  ...[2, 0, 1, 0, 0x61, 0, 0, 0, 0],
  ...[9, 0, ...Buffer.from('tombstone'), 1, 0, 0, 0, 7],
]);

/** Resolves when the clock says more than the newest record. */
async function laterThan(store: LogStore, partition: number): Promise<void> {
  const last = store.read(partition, store.durableSize(partition) - 1, 0)[0]?.record.timestamp ?? 0;
  while (Date.now() <= last) await new Promise((resolve) => setImmediate(resolve));
}

/** Every fourth has a key, every third headers. */
function recordOf(i: number): ProposedRecord {
  return {
    schemaId: 0,
    value: Buffer.from(`value ${i}`),
    submitter: '',
    ...(i % 4 === 0 ? { key: Buffer.from(`key ${i}`) } : {}),
    ...(i % 3 === 0 ? { headers: Buffer.from([1, 0, 1, 0, 0x61, 1, 0, 0, 0, i]) } : {}),
  };
}

function offsets(rows: ReturnType<LogStore['read']>): number[] {
  return rows.map(({ record }) => record.offset);
}

function bytes(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString('latin1');
}
