import { strict as assert } from 'node:assert';
import type { Replicator } from '../../consensus/index.ts';
import {
  decodeOutcomes,
  encodeProposal,
  type IdSequencer,
  idsOf,
  RESERVED_IDS_MAX,
  scarabId,
  scarabParts,
} from '../../storage/index.ts';

/** A sequencer, and the log whose records take ids from it. */
export interface SequencerUnderTest {
  readonly sequencer: IdSequencer;
  /** Appends so many records and gives their ids. */
  readonly append: (count: number) => Promise<bigint[]>;
  readonly close: () => Promise<void>;
}

/** Appends records that are all new, and gives their ids. */
export async function appendRecords(replicator: Replicator, count: number): Promise<bigint[]> {
  const records = Array.from({ length: count }, () => ({
    schemaId: 0,
    value: Buffer.from(`value ${serial++}`),
    submitter: '',
  }));
  const proposal = encodeProposal(records);
  const { outcomes } = await replicator.propose(0, proposal, { wait: 'durable', paths: false });
  return decodeOutcomes(outcomes, count).map(({ id }) => id);
}

let serial = 0;

/** What every {@link IdSequencer} keeps. */
export function describeIdSequencer(name: string, make: () => Promise<SequencerUnderTest>): void {
  describe(`IdSequencer: ${name}`, () => {
    let under: SequencerUnderTest;
    let sequencer: IdSequencer;
    beforeEach(async () => {
      under = await make();
      sequencer = under.sequencer;
    });
    afterEach(() => under.close());

    it('gives as many ids as asked for, ascending, each but once (S5, S8)', async () => {
      let last = 0n;
      for (const count of [1, 2, 8_191, 8_192, 8_193, 100_000, 1]) {
        const ids = idsOf(await sequencer.reserve(count));
        assert.equal(ids.length, count);
        for (const id of ids) {
          assert.ok(id > last, `${id} after ${last}`);
          last = id;
        }
      }
    });

    it('gives ids of its coordinator and of about now (S1, S4)', async () => {
      const before = Date.now();
      const [first] = idsOf(await sequencer.reserve(3));
      const parts = scarabParts(first ?? 0n);
      assert.equal(parts.coordinator, sequencer.coordinator);
      assert.ok(parts.unixMs >= before && parts.unixMs < before + 60_000, `${parts.unixMs}`);
      assert.equal(scarabId(parts), first);
    });

    it('gives runs that differ in their sequence numbers only (S1)', async () => {
      for (const { first, count } of await sequencer.reserve(50_000)) {
        const from = scarabParts(first);
        const to = scarabParts(first + BigInt(count - 1));
        assert.deepEqual(to, { ...from, sequence: from.sequence + count - 1 });
      }
    });

    it('never gives an id that a record has, nor a record one that it gave (S8)', async () => {
      const seen = new Set<bigint>();
      for (let round = 0; round < 20; round++) {
        const [records, ...reserved] = await Promise.all([
          under.append(5),
          sequencer.reserve(3_000),
          sequencer.reserve(1 + round),
        ]);
        for (const id of [...records, ...idsOf(reserved.flat())]) {
          assert.ok(!seen.has(id), `${id} came twice`);
          seen.add(id);
        }
      }
    });

    it('gives up to a limit at once, and refuses other counts', async () => {
      const runs = await sequencer.reserve(RESERVED_IDS_MAX);
      assert.equal(idsOf(runs).length, RESERVED_IDS_MAX);
      for (const count of [0, -1, 1.5, Number.NaN, RESERVED_IDS_MAX + 1, 2 ** 40]) {
        await assert.rejects(sequencer.reserve(count), { code: 'log/out-of-range' }, `${count}`);
      }
    });

    it('gives nothing to who has called it off', async () => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(sequencer.reserve(1, { signal }), reason);
    });
  });
}
