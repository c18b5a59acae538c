import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { submittedToWire } from '../../../api/index.ts';
import { createNotary, type SubmitOutcome } from '../../../notary/index.ts';
import { NOTARY_SCHEMA, type Receipt } from '../../../receipt/index.ts';
import { SubmittedJson } from '../../../rpc/submitted-json.ts';
import { splitHashes } from '../../../storage/index.ts';
import { of } from '../../contract/notary.ts';
import { memoryParts, partitionsOf } from '../../support/memory-notary.ts';
import { realClock } from '../../support/real-clock.ts';

const PACKED = { waitFor: 'checkpoint', evidence: 'packed' } as const;
const ALGORITHMS = ['sha256', 'sha512', 'blake3'] as const;

type Answered = Extract<SubmitOutcome, { ok: true }>;

describe('submitted JSON', () => {
  const { store, replicator } = memoryParts(partitionsOf(2), realClock);
  const deps = { replicator, checkpoints: replicator, logStore: store, clock: realClock };
  const notary = createNotary(deps);
  after(() => replicator.close());

  async function answered(names: readonly string[]) {
    const submissions = names.map((name, i) => of(name, ALGORITHMS[i % ALGORITHMS.length]));
    const outcomes = await notary.submit(submissions, PACKED);
    return outcomes.map((outcome, i) => {
      const submission = submissions[i];
      assert.ok(outcome.ok && outcome.evidence !== undefined && submission !== undefined);
      assert.equal(outcome.submitted.receipt, undefined);
      return { ...outcome, evidence: outcome.evidence, submission };
    });
  }

  function receiptOf(
    { submitted, evidence }: Required<Answered>,
    { algorithm, digest }: ReturnType<typeof of>,
  ): Receipt {
    const { id, offset, epoch, timestamp, origin } = submitted;
    const record = { timestamp, scarabId: id, offset, epoch, schemaId: NOTARY_SCHEMA };
    return {
      origin,
      record: { ...record, algorithm, digest },
      inclusion: { size: evidence.checkpoint.size, path: splitHashes(evidence.path) },
      checkpoint: evidence.checkpoint.note,
    };
  }

  it('is letter for letter what the receipt’s own form gives, in any order of answers (V2)', async () => {
    let round = 0;
    const order = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(order, async (keys) => {
        round++;
        const all = await answered(keys.map((_, i) => `${round}/${i}`));
        const writer = new SubmittedJson();
        const shuffled = all
          .map((one, i) => ({ one, key: keys[i] ?? 0 }))
          .toSorted((a, b) => a.key - b.key);
        for (const { one } of shuffled) {
          const receipt = receiptOf(one, one.submission);
          const text = writer.write(one.submitted, one.submission, one.evidence);
          assert.equal(text, JSON.stringify(submittedToWire({ ...one.submitted, receipt })));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('shares one checkpoint among the receipts of a batch', async () => {
    const all = await answered(Array.from({ length: 20 }, (_, i) => `shared/${i}`));
    const checkpoints = new Set(all.map(({ evidence }) => evidence.checkpoint));
    assert.ok(checkpoints.size <= 2, 'one a partition');
  });

  it('refuses a note that no reader accepts (C2)', async () => {
    const [one] = await answered(['bad note']);
    assert.ok(one !== undefined);
    const evidence = { ...one.evidence, checkpoint: { size: 1, note: 'no note' } };
    assert.throws(() => new SubmittedJson().write(one.submitted, one.submission, evidence), /C2/);
  });
});
