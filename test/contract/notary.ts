import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import type { NotaryService, Submission, SubmitOutcome } from '../../notary/index.ts';
import {
  parseCheckpointBody,
  parseNote,
  type Receipt,
  type TrustStore,
  treeHash,
  verifyConsistency,
  verifyReceipt,
} from '../../receipt/index.ts';
import { decodeOutcomes } from '../../storage/index.ts';

/** A notary over one empty log. */
export interface NotaryUnderTest {
  readonly notary: NotaryService;
  readonly trust: TrustStore;
  readonly close: () => Promise<void>;
}

const durable = { waitFor: 'durable' } as const;
const checkpoint = { waitFor: 'checkpoint' } as const;

/** What the notary keeps whatever it stands on (docs/spec/notary.md). */
export function describeNotary(name: string, make: () => Promise<NotaryUnderTest>): void {
  describe(`Notary: ${name}`, () => {
    let under: NotaryUnderTest;
    let notary: NotaryService;
    beforeEach(async () => {
      under = await make();
      notary = under.notary;
    });
    afterEach(() => under.close());

    const submitOne = async (submission: Submission) =>
      (await notary.submit([submission], durable))[0];

    function assertVerifies(receipt: Receipt | undefined, digest: Uint8Array): void {
      assert.ok(receipt !== undefined);
      const verdict = verifyReceipt(receipt, digest, under.trust);
      assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.code}: ${verdict.message}`);
    }

    // N1, one line a case: what was there, what comes, what it is.
    const a = of('a');
    const b = of('b');
    const table: [string, Submission, Submission, 'new' | 'duplicate' | 'conflict'][] = [
      [
        'same key, same content',
        { ...a, idempotencyKey: 'k' },
        { ...a, idempotencyKey: 'k' },
        'duplicate',
      ],
      [
        'same key, other content',
        { ...a, idempotencyKey: 'k' },
        { ...b, idempotencyKey: 'k' },
        'conflict',
      ],
      [
        'other key, same content',
        { ...a, idempotencyKey: 'k' },
        { ...a, idempotencyKey: 'l' },
        'new',
      ],
      [
        'same key, other submitter',
        { ...a, idempotencyKey: 'k' },
        { ...b, idempotencyKey: 'k', submitter: 's' },
        'new',
      ],
      ['no key, same content', a, a, 'duplicate'],
      ['no key, other content', a, b, 'new'],
      ['no key, other submitter', a, { ...a, submitter: 's' }, 'new'],
      [
        'no key, same named submitter',
        { ...a, submitter: 's' },
        { ...a, submitter: 's' },
        'duplicate',
      ],
      ['keyed, then unkeyed', { ...a, idempotencyKey: 'k' }, a, 'new'],
      ['unkeyed, then keyed', a, { ...a, idempotencyKey: 'k' }, 'new'],
      ['same bytes, other algorithm', a, { ...a, algorithm: 'blake3' }, 'new'],
      [
        'submitter and key cut elsewhere',
        { ...a, submitter: 'x', idempotencyKey: 'yz' },
        { ...b, submitter: 'xy', idempotencyKey: 'z' },
        'new',
      ],
    ];
    for (const [what, first, second, expected] of table) {
      for (const how of ['one after the other', 'in one call'] as const) {
        it(`N1: ${what}, ${how}: ${expected}`, async () => {
          const [one, two] =
            how === 'in one call'
              ? await notary.submit([first, second], durable)
              : [await submitOne(first), await submitOne(second)];
          assertSecond(one, two, expected);
        });
      }
    }

    it('gives receipts that verify, for every algorithm, new and duplicate', async () => {
      const submissions = (['sha256', 'sha512', 'blake3'] as const).map((algorithm) => ({
        ...of('file', algorithm),
        idempotencyKey: algorithm,
      }));
      await notary.submit(submissions.slice(0, 1), durable);
      const outcomes = await notary.submit(submissions, checkpoint);
      for (const [i, outcome] of outcomes.entries()) {
        assert.ok(outcome.ok && outcome.submitted.level === 'checkpoint');
        assert.equal(outcome.submitted.duplicate, i === 0);
        assertVerifies(outcome.submitted.receipt, submissions[i]?.digest ?? new Uint8Array());
      }
    });

    it('gives hundreds of receipts of one turn, each its own', async () => {
      const submissions = Array.from({ length: 300 }, (_, i) => of(`file ${i}`));
      const answers = await Promise.all(submissions.map((s) => notary.submit([s], checkpoint)));
      for (const [i, [outcome]] of answers.entries()) {
        assert.ok(outcome?.ok);
        if (i % 10 === 0) {
          assertVerifies(outcome.submitted.receipt, submissions[i]?.digest ?? new Uint8Array());
        }
      }
      assert.equal(notary.logs()[0]?.size, 300);
    });

    it('answers a conflict beside successes, with the record that holds the key', async () => {
      const holder = await submitOne({ ...a, idempotencyKey: 'k' });
      const [first, second, third] = await notary.submit(
        [of('x'), { ...b, idempotencyKey: 'k' }, of('y')],
        checkpoint,
      );
      assert.ok(holder?.ok && first?.ok && third?.ok && second !== undefined && !second.ok);
      assert.equal(second.code, 'notary/idempotency-conflict');
      assert.equal(second.holder.id, holder.submitted.id);
      assertVerifies(third.submitted.receipt, of('y').digest);
    });

    it('knows the status of a record, its receipt, and both better once it is signed', async () => {
      const outcome = await submitOne(a);
      assert.ok(outcome?.ok);
      const { id, offset, epoch, timestamp, origin } = outcome.submitted;
      assert.deepEqual(
        [outcome.submitted.level, outcome.submitted.receipt],
        ['durable', undefined],
      );
      assertVerifies(await notary.receipt(id, checkpoint), a.digest);
      const status = notary.status(id);
      assert.ok(status !== undefined);
      const expected = { id, origin, level: 'checkpoint', offset, epoch, timestamp };
      assert.deepEqual(
        { ...status, digest: Buffer.from(status.digest).toString('hex') },
        { ...expected, algorithm: 'sha256', digest: Buffer.from(a.digest).toString('hex') },
      );
      assertVerifies(await notary.receipt(id, durable), a.digest);
    });

    it('knows nothing of ids it never gave', async () => {
      assert.equal(notary.status(12345n), undefined);
      assert.equal(await notary.receipt(12345n, checkpoint), undefined);
    });

    it('finds the records of a digest', async () => {
      await notary.submit([a, b, { ...a, submitter: 's' }], durable);
      const found = notary.search('sha256', a.digest, 10);
      assert.deepEqual(
        found.map((status) => status.offset),
        [0, 2],
      );
      assert.equal(notary.search('sha256', a.digest, 1).length, 1);
      assert.deepEqual(notary.search('blake3', a.digest, 10), []);
      assert.throws(() => notary.search('sha256', new Uint8Array(31), 10), {
        code: 'notary/invalid-submission',
      });
    });

    it('lists the records from a time on', async () => {
      const outcomes = await notary.submit([a, b, { ...a, submitter: 's' }], durable);
      const [first] = outcomes.map((outcome) => (outcome.ok ? outcome.submitted : undefined));
      assert.ok(first !== undefined);
      const { origin, timestamp } = first;
      const offsets = (ms: number, limit: number) =>
        notary.since(origin, ms, limit).map((status) => status.offset);
      assert.deepEqual(offsets(0, 10), [0, 1, 2]);
      assert.deepEqual(offsets(timestamp, 2), [0, 1]);
      const last = notary.since(origin, 0, 10).at(-1)?.timestamp ?? 0;
      assert.deepEqual(offsets(last + 1, 10), []);
      assert.throws(() => notary.since('nowhere', 0, 1), { code: 'notary/unknown-log' });
    });

    it('takes packed batches', async () => {
      const digests = Buffer.concat([a.digest, b.digest, a.digest]);
      const batch = { algorithm: 'sha256', submitter: '', digests } as const;
      const first = await notary.submitPacked(batch, durable);
      assert.deepEqual(statuses(first.outcomes), ['new', 'new', 'duplicate']);
      assert.equal(first.checkpoint, undefined);
      const again = await notary.submitPacked(batch, checkpoint);
      assert.deepEqual(statuses(again.outcomes), ['duplicate', 'duplicate', 'duplicate']);
      assert.ok(again.checkpoint !== undefined && again.checkpoint.size === 2);
      // The same records, whichever way they came.
      const single = await submitOne(a);
      assert.ok(single?.ok && single.submitted.duplicate);
      const id = decodeOutcomes(first.outcomes, 3)[0]?.id;
      assert.equal(single.submitted.id, id);
      assertVerifies(await notary.receipt(id ?? 0n, checkpoint), a.digest);
    });

    it('proves its log to those who ask', async () => {
      await notary.submit(
        Array.from({ length: 9 }, (_, i) => of(`${i}`)),
        checkpoint,
      );
      const early = notary.logs()[0];
      await notary.submit(
        Array.from({ length: 9 }, (_, i) => of(`more ${i}`)),
        checkpoint,
      );
      const late = notary.logs()[0];
      assert.ok(early?.checkpoint !== undefined && late?.checkpoint !== undefined);
      const [from, to] = [bodyOf(early.checkpoint.note), bodyOf(late.checkpoint.note)];
      const range = { from: from.size, to: to.size };
      const path = notary.consistencyProof({ origin: late.origin, ...range, algorithm: 'blake3' });
      const roots = { fromRoot: from.root, toRoot: to.root };
      assert.ok(verifyConsistency(treeHash('blake3'), { ...range, ...roots, path }));
      const size = to.size;
      const inclusion = notary.inclusionProof({
        origin: late.origin,
        index: 3,
        size,
        algorithm: 'blake3',
      });
      assert.ok(inclusion.length > 0);
    });

    it('says which log it does not keep', () => {
      const origin = 'pyralog/devnet-ffffffffffffffff/local/notary/0';
      const unknown = { code: 'notary/unknown-log' };
      assert.throws(
        () => notary.inclusionProof({ origin, index: 0, size: 1, algorithm: 'blake3' }),
        unknown,
      );
      assert.throws(() => notary.checkpoints(origin, new AbortController().signal), unknown);
    });

    it('tells of checkpoints as they come', async () => {
      const origin = notary.logs()[0]?.origin ?? '';
      const stop = new AbortController();
      const sizes: number[] = [];
      const following = (async () => {
        for await (const { size, note } of notary.checkpoints(origin, stop.signal)) {
          assert.equal(bodyOf(note).size, size);
          sizes.push(size);
          if (size === 6) stop.abort();
        }
      })();
      for (let i = 0; i < 6; i++) await notary.submit([of(`${i}`)], durable);
      await following;
      assert.deepEqual(
        sizes,
        [...new Set(sizes)].sort((x, y) => x - y),
      );
    });

    it('ends a subscription that waits, on its signal', async () => {
      const stop = new AbortController();
      const all = [];
      const following = (async () => {
        for await (const each of notary.checkpoints(notary.logs()[0]?.origin ?? '', stop.signal)) {
          all.push(each);
        }
      })();
      stop.abort();
      await following;
    });

    it('refuses what cannot be notarized, and takes nothing of that call', async () => {
      const bad: Record<string, Submission> = {
        'a short digest': { ...a, digest: a.digest.subarray(1) },
        'a digest of another length': { ...a, algorithm: 'sha512' },
        'an empty key': { ...a, idempotencyKey: '' },
        'a long key': { ...a, idempotencyKey: 'é'.repeat(33) },
        'a long submitter': { ...a, submitter: 's'.repeat(65) },
        'half a character': { ...a, submitter: '\ud800' },
      };
      for (const [what, submission] of Object.entries(bad)) {
        const refused = { code: 'notary/invalid-submission' };
        await assert.rejects(notary.submit([b, submission], durable), refused, what);
      }
      const packed = { algorithm: 'sha256', submitter: '', digests: new Uint8Array(33) } as const;
      await assert.rejects(notary.submitPacked(packed, durable), {
        code: 'notary/invalid-submission',
      });
      assert.equal(notary.logs()[0]?.size, 0);
      assert.deepEqual(await notary.submit([], durable), []);
    });

    it('takes keys and submitters up to their limit', async () => {
      const long = { ...a, submitter: 'é'.repeat(32), idempotencyKey: 'k'.repeat(64) };
      assert.ok((await submitOne(long))?.ok);
      assert.equal(kindOf(await submitOne(long)), 'duplicate');
    });
  });
}

export function of(
  content: string,
  algorithm: 'sha256' | 'sha512' | 'blake3' = 'sha256',
): Submission {
  // The notary never hashes, so any bytes of the right length will do for BLAKE3.
  const digest = createHash(algorithm === 'blake3' ? 'sha256' : algorithm)
    .update(content)
    .digest();
  return { algorithm, digest, submitter: '' };
}

function assertSecond(
  one: SubmitOutcome | undefined,
  two: SubmitOutcome | undefined,
  expected: string,
): void {
  assert.ok(one?.ok && two !== undefined);
  assert.equal(kindOf(two), expected);
  const place = two.ok ? two.submitted : two.holder;
  if (expected === 'new') assert.notEqual(place.id, one.submitted.id);
  else assert.deepEqual({ ...place, duplicate: false }, one.submitted);
}

function kindOf(outcome: SubmitOutcome | undefined): string {
  assert.ok(outcome !== undefined);
  if (!outcome.ok) return 'conflict';
  return outcome.submitted.duplicate ? 'duplicate' : 'new';
}

function statuses(outcomes: Uint8Array): string[] {
  return decodeOutcomes(outcomes, outcomes.length / 40).map(({ status }) => status);
}

function bodyOf(text: string) {
  const note = parseNote(text);
  assert.ok(note.ok);
  const body = parseCheckpointBody(note.value.body);
  assert.ok(body.ok);
  return body.value;
}
