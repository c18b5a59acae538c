import { strict as assert } from 'node:assert';
import { PyralogError } from '../../../base/errors.ts';
import { createNotary, NOTARY_ERROR_CODES, type NotaryOptions } from '../../../notary/index.ts';
import { decodeProposal } from '../../../storage/index.ts';
import { of } from '../../contract/notary.ts';
import { gate } from '../../support/gated-replicator.ts';
import { memoryParts, partitionsOf } from '../../support/memory-notary.ts';
import { realClock } from '../../support/real-clock.ts';
import { turns, until } from '../../support/until.ts';

const durable = { waitFor: 'durable' } as const;

function build(options: NotaryOptions = {}, partitions = 1, opened = false) {
  const { store, replicator } = memoryParts(partitionsOf(partitions), realClock);
  const gated = gate(replicator, opened);
  const notary = createNotary(
    { replicator: gated.replicator, checkpoints: replicator, logStore: store, clock: realClock },
    options,
  );
  return { gated, notary, store, close: () => replicator.close() };
}

describe('notary batching', () => {
  let built: ReturnType<typeof build>;
  afterEach(() => built.close());

  const counts = () => built.gated.proposals.map((p) => decodeProposal(p).length);

  it('makes one batch of what comes in one turn', async () => {
    built = build({}, 1, true);
    const calls = Array.from({ length: 500 }, (_, i) => built.notary.submit([of(`${i}`)], durable));
    await Promise.all(calls);
    assert.deepEqual(counts(), [500]);
  });

  it('packs digests of one kind back to back, and mixed ones as records', async () => {
    built = build({}, 1, true);
    await built.notary.submit([of('a'), of('b')], durable);
    await built.notary.submit([of('c'), { ...of('d'), idempotencyKey: 'k' }], durable);
    await built.notary.submit([of('e'), of('f', 'sha512')], durable);
    assert.deepEqual(
      built.gated.proposals.map((p) => p[0]),
      [2, 1, 1],
    );
  });

  it('says `accepted` where the log promises no more, with no receipt (N11)', async () => {
    built = build({}, 1, true);
    const { replicator, store } = memoryParts(partitionsOf(1), realClock);
    const lax: typeof replicator = {
      ...replicator,
      propose: async (...asked) => ({
        ...(await replicator.propose(...asked)),
        durability: asked[2].wait === 'durable' ? 'accepted' : 'durable',
      }),
    };
    const deps = { replicator: lax, checkpoints: lax, logStore: store, clock: realClock };
    const notary = createNotary(deps);
    const [accepted] = await notary.submit([of('a')], durable);
    assert(accepted?.ok);
    assert.deepEqual(
      [accepted.submitted.level, accepted.submitted.receipt],
      ['accepted', undefined],
    );
    const digests = of('b').digest;
    const batch = { algorithm: 'sha256', submitter: '', digests } as const;
    assert.equal((await notary.submitPacked(batch, durable)).durability, 'accepted');
    const [signed] = await notary.submit([of('c')], { waitFor: 'checkpoint' });
    assert.equal(signed?.ok && signed.submitted.level, 'checkpoint');
    assert.equal(notary.logs()[0]?.durability, 'sync');
    replicator.close();
  });

  it('lets what comes while the disk is busy become the next batch', async () => {
    built = build({ batchesInFlightMax: 1 });
    const first = built.notary.submit([of('first')], durable);
    await until(() => built.gated.proposals.length === 1);
    const rest = Array.from({ length: 40 }, (_, i) => built.notary.submit([of(`${i}`)], durable));
    await turns(5);
    assert.deepEqual(counts(), [1]);
    built.gated.open();
    await Promise.all([first, ...rest]);
    assert.deepEqual(counts(), [1, 40]);
  });

  it('splits what is too much for one batch, and answers in order all the same', async () => {
    built = build({ batchRecordsMax: 10 }, 1, true);
    const submissions = Array.from({ length: 35 }, (_, i) => of(`${i}`));
    const outcomes = await built.notary.submit(submissions, durable);
    assert.deepEqual(counts(), [10, 10, 10, 5]);
    assert.deepEqual(
      outcomes.map((o) => o.ok && o.submitted.offset),
      submissions.map((_, i) => i),
    );
  });

  it('does not make those who wait for durable wait for signatures', async () => {
    built = build({}, 1, true);
    const [one, two] = await Promise.all([
      built.notary.submit([of('a')], durable),
      built.notary.submit([of('b')], { waitFor: 'checkpoint' }),
    ]);
    assert.deepEqual(counts(), [1, 1]);
    assert.equal(one[0]?.ok && one[0].submitted.receipt, undefined);
    assert.notEqual(two[0]?.ok && two[0].submitted.receipt, undefined);
  });

  it('turns callers away when too many wait, takes nothing of theirs, and recovers', async () => {
    built = build({ queueRecordsMax: 5, batchesInFlightMax: 1 });
    const first = built.notary.submit([of('first')], durable);
    await until(() => built.gated.proposals.length === 1);
    const waiting = built.notary.submit(
      [1, 2, 3].map((i) => of(`${i}`)),
      durable,
    );
    const overloaded = { code: 'notary/overloaded' };
    await assert.rejects(
      built.notary.submit(
        [4, 5, 6].map((i) => of(`${i}`)),
        durable,
      ),
      overloaded,
    );
    const more = built.notary.submit([of('4'), of('5')], durable);
    await assert.rejects(built.notary.submit([of('6')], durable), overloaded);
    built.gated.open();
    await Promise.all([first, waiting, more]);
    assert.equal(built.store.durableSize(0), 6);
    await built.notary.submit([of('6')], durable);
  });

  it('turns packed batches away when too many are on their way', async () => {
    built = build({ packedInFlightMax: 1 });
    const batch = (content: string) =>
      ({ algorithm: 'sha256', submitter: '', digests: of(content).digest }) as const;
    const first = built.notary.submitPacked(batch('a'), durable);
    await assert.rejects(built.notary.submitPacked(batch('b'), durable), {
      code: 'notary/overloaded',
    });
    built.gated.open();
    await first;
    await built.notary.submitPacked(batch('b'), durable);
  });

  it('withdraws what was not sent when its caller gives up: it did not happen', async () => {
    built = build({ batchesInFlightMax: 1 });
    const first = built.notary.submit([of('first')], durable);
    await until(() => built.gated.proposals.length === 1);
    const controller = new AbortController();
    const enough = new Error('enough');
    const { signal } = controller;
    const given = built.notary.submit([of('given up')], { ...durable, signal });
    const kept = built.notary.submit([of('kept')], durable);
    controller.abort(enough);
    await assert.rejects(given, enough);
    built.gated.open();
    await Promise.all([first, kept]);
    await built.notary.drain();
    assert.equal(built.store.durableSize(0), 2);
    assert.deepEqual(built.notary.search('sha256', of('given up').digest, 1), []);
  });

  it('calls the outcome unknown when the caller gives up later, and it may have happened (N4)', async () => {
    built = build();
    const controller = new AbortController();
    const { signal } = controller;
    const given = built.notary.submit([of('given up')], { ...durable, signal });
    await until(() => built.gated.proposals.length === 1);
    controller.abort();
    await assert.rejects(given, { code: 'notary/outcome-unknown' });
    built.gated.open();
    await built.notary.drain();
    const [again] = await built.notary.submit([of('given up')], durable);
    assert.ok(again?.ok && again.submitted.duplicate);
  });

  it('does nothing for a caller that gave up before', async () => {
    built = build({}, 1, true);
    const enough = new Error('enough');
    const options = { ...durable, signal: AbortSignal.abort(enough) };
    await assert.rejects(built.notary.submit([of('a')], options), enough);
    await assert.rejects(built.notary.receipt(1n, options), enough);
    const packed = { algorithm: 'sha256', submitter: '', digests: of('a').digest } as const;
    await assert.rejects(built.notary.submitPacked(packed, options), enough);
    assert.equal(built.gated.proposals.length, 0);
  });

  it('hands on what the log says, under codes of its own list', async () => {
    const failures = [
      ['storage/disk-full', 'storage/disk-full'],
      ['log/overloaded', 'log/overloaded'],
      ['consensus/not-leader', 'consensus/not-leader'],
      ['consensus/outcome-unknown', 'notary/outcome-unknown'],
      ['log/outcome-unknown', 'notary/outcome-unknown'],
    ];
    built = build({}, 1, true);
    for (const [thrown, told] of failures) {
      built.gated.failure = new PyralogError(thrown ?? '', 'as the log said');
      const calls = [of('a'), of('b')].map((s) => built.notary.submit([s], durable));
      for (const settled of await Promise.allSettled(calls)) {
        assert.equal(settled.status === 'rejected' && settled.reason.code, told);
      }
      assert.ok(NOTARY_ERROR_CODES.some((code) => code === told));
    }
    built.gated.failure = undefined;
    await built.notary.submit([of('a')], durable);
  });

  it('drains: waits for all that was taken', async () => {
    built = build({ batchesInFlightMax: 1, batchRecordsMax: 2 });
    await built.notary.drain();
    const calls = Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((c) => built.notary.submit([of(c)], durable)),
    );
    let drained = false;
    const draining = built.notary.drain().then(() => {
      drained = true;
    });
    await turns(5);
    assert.equal(drained, false);
    built.gated.open();
    await draining;
    assert.equal(built.store.durableSize(0), 5);
    await calls;
  });

  it('spreads submissions over partitions by key, else by digest (N6)', async () => {
    built = build({}, 4, true);
    const contents = Array.from({ length: 64 }, (_, i) => of(`${i}`));
    const outcomes = await built.notary.submit(contents, durable);
    const sizes = [0, 1, 2, 3].map((p) => built.store.durableSize(p));
    assert.ok(
      sizes.every((size) => size > 0),
      `sizes ${sizes}`,
    );
    const again = await built.notary.submit(contents, durable);
    assert.ok(again.every((o) => o.ok && o.submitted.duplicate));
    for (const [i, outcome] of outcomes.entries()) {
      assert.ok(outcome.ok);
      assert.equal(built.notary.status(outcome.submitted.id)?.origin, outcome.submitted.origin);
      assert.equal(built.notary.search('sha256', contents[i]?.digest ?? Buffer.of(), 9).length, 1);
    }
    const keyed = contents.map((c) => ({ ...c, idempotencyKey: 'one' }));
    const [first, ...others] = await built.notary.submit(keyed, durable);
    assert.ok(first?.ok && others.every((o) => !o.ok), 'one key, one partition');
    const packed = { algorithm: 'sha256', submitter: '', digests: of('a').digest } as const;
    await assert.rejects(built.notary.submitPacked(packed, durable), {
      code: 'notary/invalid-submission',
    });
  });
});
