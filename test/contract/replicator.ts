import { strict as assert } from 'node:assert';
import type { CheckpointFeed, Replicator, Role } from '../../consensus/index.ts';
import {
  parseCheckpointBody,
  parseNote,
  type TrustStore,
  treeHash,
  verifyInclusion,
  verifyNote,
} from '../../receipt/index.ts';
import {
  decodeOutcomes,
  decodePaths,
  encodeDigests,
  encodeProposal,
  type LogStore,
  OUTCOME_BYTES,
} from '../../storage/index.ts';

/** A replicator that leads two empty partitions, and the store it writes to. */
export interface ReplicatorUnderTest {
  readonly replicator: Replicator & CheckpointFeed;
  readonly store: LogStore;
  /** Trusts the replicas' keys. */
  readonly trust: TrustStore;
  readonly close: () => Promise<void>;
}

const durable = { wait: 'durable', paths: false } as const;
const signed = { wait: 'checkpoint', paths: true } as const;

/** What every {@link Replicator} with its {@link CheckpointFeed} keeps. */
export function describeReplicator(name: string, make: () => Promise<ReplicatorUnderTest>): void {
  describe(`Replicator: ${name}`, () => {
    let under: ReplicatorUnderTest;
    let replicator: Replicator & CheckpointFeed;
    beforeEach(async () => {
      under = await make();
      replicator = under.replicator;
    });
    afterEach(() => under.close());

    it('answers each record with its place, and has it in the store by then', async () => {
      const done = await replicator.propose(0, records('a', 'b', 'c'), durable);
      const outcomes = decodeOutcomes(done.outcomes, 3);
      assert.deepEqual(
        outcomes.map(({ status, offset, epoch }) => [status, offset, epoch]),
        [0, 1, 2].map((offset) => ['new', offset, done.epoch]),
      );
      assert.deepEqual([done.baseOffset, under.store.durableSize(0)], [0, 3]);
      assert.deepEqual(
        under.store.read(0, 0, 1 << 20).map(({ record }) => [record.scarabId, record.timestamp]),
        outcomes.map(({ id, timestamp }) => [id, timestamp]),
      );
      assert.ok(done.replicas >= 1);
      assert.deepEqual([done.checkpoint, done.paths], [undefined, undefined]);
    });

    it('answers a duplicate with the first record, which costs no offset (N2)', async () => {
      const first = decodeOutcomes(
        (await replicator.propose(0, records('a'), durable)).outcomes,
        1,
      );
      const again = await replicator.propose(0, records('a', 'b', 'a'), durable);
      const outcomes = decodeOutcomes(again.outcomes, 3);
      assert.deepEqual(outcomes[0], { ...first[0], status: 'duplicate' });
      assert.deepEqual(outcomes[2], outcomes[0]);
      assert.deepEqual([outcomes[1]?.status, outcomes[1]?.offset], ['new', 1]);
      assert.equal(again.baseOffset, 1);
      const none = await replicator.propose(0, records('a'), durable);
      assert.equal(none.baseOffset, undefined);
    });

    it('answers with a checkpoint that covers the records and proves each', async () => {
      await replicator.propose(0, records('a', 'b'), durable);
      const done = await replicator.propose(0, records('c', 'a', 'd'), signed);
      assert.ok(done.checkpoint !== undefined && done.paths !== undefined);
      const checkpoint = verified(done.checkpoint.note, under.trust);
      assert.equal(checkpoint.size, done.checkpoint.size);
      const paths = decodePaths(done.paths, 3);
      for (const [i, { offset }] of decodeOutcomes(done.outcomes, 3).entries()) {
        const row = under.store.read(0, offset, 0)[0];
        const proof = {
          index: offset,
          size: checkpoint.size,
          leaf: treeHash('blake3').leaf(row?.leaf ?? new Uint8Array()),
          path: paths[i] ?? [],
          root: checkpoint.root,
        };
        assert.ok(verifyInclusion(treeHash('blake3'), proof), `record ${i}`);
      }
    });

    it('leaves paths out unless asked', async () => {
      const done = await replicator.propose(0, records('a'), { wait: 'checkpoint', paths: false });
      assert.ok(done.checkpoint !== undefined);
      assert.equal(done.paths, undefined);
    });

    it('signs checkpoints nobody asked for, and at once those somebody waits for', async () => {
      assert.equal(replicator.newest(0)?.size ?? 0, 0);
      const waiting = replicator.reached(0, 2);
      await replicator.propose(0, records('a', 'b', 'c'), durable);
      const reached = await waiting;
      assert.ok(reached.size >= 2);
      verified(reached.note, under.trust);
      const newest = await replicator.reached(0, 3);
      assert.ok(newest.size === 3 && (replicator.newest(0)?.size ?? 0) >= 3);
    });

    it('stops waiting for a checkpoint on its signal', async () => {
      const controller = new AbortController();
      const enough = new Error('enough');
      const waiting = replicator.reached(0, 1_000, controller.signal);
      controller.abort(enough);
      await assert.rejects(waiting, enough);
      await assert.rejects(replicator.reached(0, 1, AbortSignal.abort(enough)), enough);
    });

    it('keeps partitions apart', async () => {
      await replicator.propose(1, records('a'), durable);
      const done = await replicator.propose(0, records('a'), durable);
      assert.equal(decodeOutcomes(done.outcomes, 1)[0]?.status, 'new');
      assert.deepEqual([under.store.durableSize(0), under.store.durableSize(1)], [1, 1]);
    });

    it('answers proposals that are made together, each its own', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => replicator.propose(0, records(`r${i}`), durable)),
      );
      const found = answers.map((a) => decodeOutcomes(a.outcomes, 1)[0]);
      assert.equal(new Set(found.map((o) => o?.offset)).size, 100);
      assert.equal(new Set(found.map((o) => o?.id)).size, 100);
      for (const [i, outcome] of found.entries()) {
        const row = under.store.read(0, outcome?.offset ?? -1, 0)[0];
        assert.equal(Buffer.from(row?.value ?? []).toString(), `r${i}`);
      }
    });

    it('takes a packed run of digests', async () => {
      const digests = Buffer.concat([1, 2, 1].map((fill) => Buffer.alloc(64, fill)));
      const proposal = encodeDigests({ code: 0x13, submitter: 'someone', digests });
      const done = await replicator.propose(0, proposal, durable);
      const statuses = decodeOutcomes(done.outcomes, 3).map((o) => o.status);
      assert.deepEqual(statuses, ['new', 'new', 'duplicate']);
      assert.equal(done.outcomes.length, 3 * OUTCOME_BYTES);
    });

    it('refuses malformed proposals and unknown partitions, and writes nothing', async () => {
      const good = Buffer.from(records('a'));
      const bad: Record<string, Uint8Array> = {
        empty: new Uint8Array(),
        'cut off': good.subarray(0, -1),
        'too long': Buffer.concat([good, Buffer.alloc(1)]),
        'of a newer version': Buffer.from(good).fill(3, 0, 1),
        'of no records': Buffer.from(good).fill(0, 4, 8),
        'with an unknown flag': Buffer.from(good).fill(0x10, 8, 9),
      };
      for (const [what, proposal] of Object.entries(bad)) {
        await assert.rejects(
          replicator.propose(0, proposal, durable),
          { code: 'batch/malformed' },
          what,
        );
      }
      await assert.rejects(replicator.propose(7, good, durable), { code: 'log/out-of-range' });
      assert.equal(under.store.durableSize(0), 0);
    });

    it('does nothing for a caller that gave up before', async () => {
      const enough = new Error('enough');
      const signal = AbortSignal.abort(enough);
      await assert.rejects(replicator.propose(0, records('a'), { ...durable, signal }), enough);
      assert.equal(under.store.durableSize(0), 0);
    });

    it('says which role it has, at once and without being asked again', () => {
      const told: [number, Role][] = [];
      const stop = replicator.onRole((partition, role) => told.push([partition, role]));
      assert.deepEqual(
        told.map(([partition, role]) => [partition, role.kind]),
        [
          [0, 'leader'],
          [1, 'leader'],
        ],
      );
      assert.deepEqual(replicator.role(0), told[0]?.[1]);
      stop();
    });
  });
}

function records(...values: string[]): Uint8Array {
  return encodeProposal(
    values.map((value) => ({ schemaId: 0, value: Buffer.from(value), submitter: '' })),
  );
}

function verified(text: string, trust: TrustStore) {
  const note = parseNote(text);
  assert.ok(note.ok);
  const signers = verifyNote(note.value, trust.policies[0]?.keys ?? []);
  assert.ok(signers.ok && signers.value.length > 0, 'no trusted key signed');
  const checkpoint = parseCheckpointBody(note.value.body);
  assert.ok(checkpoint.ok);
  return checkpoint.value;
}
