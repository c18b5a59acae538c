import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  createMemoryLogStore,
  decodeOutcomes,
  decodeProposal,
  encodeDigests,
  encodeProposal,
  encodeRow,
  type LogStore,
  type Outcome,
  openNativeLogStore,
  type ProposedRecord,
} from '../../../storage/index.ts';
import { partitionsOf } from '../../support/memory-notary.ts';
import { openTestCore } from '../../support/native-core.ts';

// Few different values, so that duplicates and conflicts are common.
const few = (values: string) => fc.constantFrom(...values);
const record: fc.Arbitrary<ProposedRecord> = fc.record(
  {
    schemaId: fc.constantFrom(0, 7),
    // The empty one with a header of that name is a tombstone.
    value: fc.constantFrom('a', 'b', 'c', '').map((v) => Buffer.from(v)),
    submitter: fc.constantFrom('', '', 's', 't'),
    idempotencyKey: few('kl'),
    key: few('xy').map((v) => Buffer.from(v)),
    headers: fc
      .constantFrom('p', 'tombstone')
      .map((v) => Buffer.from([1, 0, v.length, 0, ...Buffer.from(v), 0, 0, 0, 0])),
  },
  { requiredKeys: ['schemaId', 'value', 'submitter'], noNullPrototype: true },
);
const digests = fc
  .record({
    submitter: fc.constantFrom('', 's'),
    fills: fc.array(fc.nat(4), { minLength: 1, maxLength: 8 }),
  })
  .map(({ submitter, fills }) => {
    const all = Buffer.concat(fills.map((fill) => Buffer.alloc(32, fill)));
    return encodeDigests({ code: 0x12, submitter, digests: all });
  });
const asRecords = fc.array(record, { minLength: 1, maxLength: 8 }).map(encodeProposal);
// The same digests as records: both forms have to mean the same.
const digestRecords = digests.map((run) => encodeProposal(decodeProposal(run)));
const proposals = fc.array(fc.oneof(asRecords, digests, digestRecords), {
  minLength: 1,
  maxLength: 12,
});

/** One partition a run, each with a window of its own: from one record to more than a run writes. */
const WINDOWS = Array.from({ length: 60 }, (_, i) => (i % 4 === 3 ? 2_097_152 : 1 + i));

describe('the memory log and the native one', () => {
  it('decide and store alike: duplicates, conflicts, keys, windows (N1–N3)', async () => {
    const partitions = WINDOWS.flatMap((dedupRecords, i) =>
      partitionsOf(1, { dedupRecords, sha256: i % 2 === 0 }).map((p) => ({
        ...p,
        origin: p.origin.replace(/0$/, `${i}`),
      })),
    );
    const { core, close } = await openTestCore(partitions);
    try {
      const memory = createMemoryLogStore(partitions);
      const stored = openNativeLogStore(core, partitions);
      let partition = 0;
      let keyedDuplicates = 0;
      const property = fc.asyncProperty(proposals, async (batches) => {
        const at = partition++;
        // Shrinking would need more partitions than there are: the first counterexample is shown as it is.
        if (at >= partitions.length) return;
        for (const proposal of batches) {
          const answer = await core.propose(at, proposal, { wait: 'durable', paths: false });
          const records = decodeProposal(proposal);
          const decided = decodeOutcomes(answer.outcomes, records.length);
          // Ids and time are the leader's to give: the memory log is handed those the native one chose. An entry
          // without a new record does not show its time, and none is needed: no window here ends by time.
          const timestamp =
            decided.find((o) => o.status === 'new')?.timestamp ?? lastTime(memory, at);
          const idOf = (index: number) => decided[index]?.id ?? 0n;
          keyedDuplicates += records.filter(isKeyedDuplicate(decided)).length;
          const entry = { epoch: answer.epoch, timestamp, idOf, records };
          assert.deepEqual(memory.apply(at, entry), decided);
        }
        assertSame(memory, stored, at);
      });
      await fc.assert(property, { numRuns: WINDOWS.length, endOnFailure: true });
      const { duplicates, duplicatesByKey, conflicts } = core.stats();
      assert.ok(duplicates > 50 && conflicts > 5, 'the batches were too tame to show anything');
      assert.equal(duplicatesByKey, keyedDuplicates);
    } finally {
      await close();
    }
  });
});

function assertSame(memory: LogStore, stored: LogStore, partition: number): void {
  const size = memory.durableSize(partition);
  assert.equal(stored.durableSize(partition), size);
  const rows = (store: LogStore) =>
    store.read(partition, 0, 1 << 22).map((row) => Buffer.from(encodeRow(row)).toString('hex'));
  assert.deepEqual(rows(stored), rows(memory));
  const algorithms = memory.partitions[partition]?.sha256
    ? (['blake3', 'sha256'] as const)
    : (['blake3'] as const);
  for (const algorithm of algorithms) {
    assert.deepEqual(
      Buffer.from(stored.root(partition, size, algorithm)),
      Buffer.from(memory.root(partition, size, algorithm)),
    );
  }
  for (const { record: found, value } of memory.read(partition, 0, 1 << 22)) {
    assert.equal(stored.findById(partition, found.scarabId), found.offset);
    const { timestamp } = found;
    for (const ms of [timestamp - 1, timestamp, timestamp + 1]) {
      assert.equal(stored.findByTime(partition, ms), memory.findByTime(partition, ms));
      for (const key of ['x', 'y', 'z'].map((k) => Buffer.from(k))) {
        const found = (store: LogStore) => [
          store.findByKey(partition, key),
          store.findByKey(partition, key, ms),
        ];
        assert.deepEqual(found(stored), found(memory));
      }
    }
    if (found.schemaId !== 1) continue;
    assert.deepEqual(
      stored.findByDigest(partition, value, 99),
      memory.findByDigest(partition, value, 99),
    );
  }
}

const isKeyedDuplicate =
  (decided: readonly Outcome[]) =>
  ({ idempotencyKey }: ProposedRecord, index: number): boolean =>
    idempotencyKey !== undefined && decided[index]?.status === 'duplicate';

function lastTime(store: LogStore, partition: number): number {
  const size = store.durableSize(partition);
  return size === 0 ? 0 : (store.read(partition, size - 1, 0)[0]?.record.timestamp ?? 0);
}
