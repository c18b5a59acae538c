import assert from 'node:assert/strict';
import { PyralogError } from '../../../base/errors.ts';
import { attachCore, type Core, openCore } from '../../../native/index.ts';
import {
  digest,
  multihash,
  options,
  origin,
  outcomes,
  proposal,
  rows,
  temporary,
} from './support.ts';

const durable = { wait: 'durable', paths: false } as const;
const withPaths = { wait: 'checkpoint', paths: true } as const;

function code(expected: string) {
  return (error: unknown) => error instanceof PyralogError && error.code === expected;
}

describe('native core', () => {
  let place: ReturnType<typeof temporary>;
  let core: Core;

  beforeEach(async () => {
    place = temporary();
    core = await openCore(options(place.dir));
  });

  afterEach(async () => {
    await core.close();
    place.remove();
  });

  it('takes a proposal to a signed checkpoint with paths', async () => {
    const answer = await core.propose(0, proposal('a', 'b', 'a'), withPaths);
    const [a, b, again] = outcomes(answer.outcomes);
    assert.equal(answer.epoch, 1);
    assert.deepEqual([a?.status, b?.status, again?.status], [0, 0, 1]);
    assert.deepEqual([a?.offset, b?.offset, again?.offset], [0, 1, 0]);
    assert.equal(again?.id, a?.id);
    assert.equal(answer.checkpoint?.size, 2);
    assert.ok(answer.checkpoint.note.startsWith(`${options('').partitions[0]?.origin}\n2\n`));
    assert.ok(answer.checkpoint.sha256Note?.includes('/sha256\n2\n'));
    assert.deepEqual(core.checkpoint(0), answer.checkpoint);
    const path = core.inclusion(0, 0, 2, 'blake3');
    assert.deepEqual(Buffer.from(answer.paths ?? []).subarray(0, 33), Buffer.from([1, ...path]));
  });

  it('reads back by offset, id and digest', async () => {
    const answer = await core.propose(0, proposal('a', 'b', 'c'), durable);
    assert.equal(answer.checkpoint, undefined);
    const [, b] = outcomes(answer.outcomes);
    assert.ok(b);
    assert.equal(core.durableSize(0), 3);
    const read = rows(core.read(0, 1, 1 << 20));
    assert.deepEqual(
      read.map((row) => row.id === b.id),
      [true, false],
    );
    assert.deepEqual(Buffer.from(read[0]?.value ?? []).subarray(2), digest('b'));
    assert.equal(rows(core.read(0, 0, 0)).length, 1);
    assert.equal(core.read(0, 3, 100).length, 0);
    assert.throws(() => core.read(0, 4, 100), code('log/out-of-range'));
    assert.equal(core.offsetOfId(0, b.id), 1);
    assert.equal(core.offsetOfId(0, b.id + 1_000n), undefined);
    assert.deepEqual(core.offsetsOfDigest(0, multihash('c'), 10), [2]);
    assert.deepEqual(core.offsetsOfDigest(0, multihash('d'), 10), []);
  });

  it('copies the proposal before it returns', async () => {
    const bytes = proposal('a');
    const answer = core.propose(0, bytes, durable);
    bytes.fill(0);
    await answer;
    assert.deepEqual(core.offsetsOfDigest(0, multihash('a'), 1), [0]);
  });

  it('opens again with everything, and knows duplicates', async () => {
    const first = await core.propose(0, proposal('a', 'b'), durable);
    const root = core.root(0, 2, 'blake3');
    await core.close();
    core = await openCore(options(place.dir));
    assert.equal(core.recovery.clean, true);
    // A clean stop left nothing to replay (W17).
    assert.deepEqual([core.recovery.entries, core.recovery.records], [0, 2]);
    assert.deepEqual(core.root(0, 2, 'blake3'), root);
    const again = await core.propose(0, proposal('b', 'c'), durable);
    const [b, c] = outcomes(again.outcomes);
    assert.deepEqual(b, { ...outcomes(first.outcomes)[1], status: 1 });
    assert.equal(c?.offset, 2);
  });

  it('signs by itself, and at once for who waits', async () => {
    const waiting = core.checkpointAt(0, 2);
    await core.propose(0, proposal('a'), durable);
    await core.propose(0, proposal('b'), durable);
    assert.equal((await waiting).size, 2);
    assert.equal((await core.checkpointAt(0, 1)).size, 2);
  });

  it('refuses malformed proposals, unknown partitions and sizes with their codes', async () => {
    await assert.rejects(core.propose(0, new Uint8Array(3), durable), code('batch/malformed'));
    const trailing = Buffer.concat([proposal('a'), Buffer.alloc(1)]);
    await assert.rejects(core.propose(0, trailing, durable), code('batch/malformed'));
    const paths = { wait: 'durable', paths: true } as const;
    await assert.rejects(core.propose(0, proposal('a'), paths), code('batch/malformed'));
    await assert.rejects(core.propose(7, proposal('a'), durable), code('log/out-of-range'));
    assert.throws(() => core.root(0, 1, 'blake3'), code('log/out-of-range'));
    assert.throws(() => core.root(0, 0.5, 'blake3'), code('log/out-of-range'));
    assert.throws(() => core.read(0, -1, 1), code('log/out-of-range'));
    assert.throws(() => core.offsetOfId(0, -1n), code('log/out-of-range'));
    assert.throws(() => core.inclusion(0, 0, 1, 'sha256'), code('log/out-of-range'));
    assert.equal(core.durableSize(0), 0);
  });

  it('keeps a second core out, and another log out of the directory', async () => {
    await assert.rejects(openCore(options(place.dir)), code('storage/locked'));
    await core.close();
    const [partition] = options('').partitions;
    assert.ok(partition);
    const other = [{ ...partition, origin: 'pyralog/other-00/local/notary/0' }];
    await assert.rejects(
      openCore(options(place.dir, { partitions: other })),
      code('storage/format'),
    );
    core = await openCore(options(place.dir));
  });

  it('is closed for every handle, once', async () => {
    const other = attachCore(core.handle);
    const pending = core.propose(0, proposal('a'), durable);
    const never = assert.rejects(core.checkpointAt(0, 99), code('log/closed'));
    await Promise.all([core.close(), other.close()]);
    await pending;
    await never;
    await core.close();
    assert.throws(() => other.durableSize(0), code('log/closed'));
    await assert.rejects(other.propose(0, proposal('b'), durable), code('log/closed'));
    assert.throws(() => attachCore(core.handle), code('log/closed'));
  });

  it('pushes back when the queue is full', async () => {
    await core.close();
    core = await openCore(options(place.dir, { queueBytesMax: 100 }));
    const calls = Array.from({ length: 200 }, (_, i) => core.propose(0, proposal(`${i}`), durable));
    const settled = await Promise.allSettled(calls);
    const refused = settled.filter((result) => result.status === 'rejected');
    assert.ok(refused.length > 0);
    for (const { reason } of refused) assert.ok(code('log/overloaded')(reason));
    assert.equal(core.durableSize(0), 200 - refused.length);
  });

  it('answers `accepted` where the log promises no more, and shows it once it is durable', async () => {
    const partitions = (['sync', 'interval', 'memory'] as const).map((durability) => ({
      origin: origin.replace('notary', durability),
      sha256: false,
      dedupWindowMs: 86_400_000,
      dedupRecords: 1_000,
      durability,
    }));
    const dir = `${place.dir}/policies`;
    const policies = options(dir, { partitions, syncIntervalMs: 60_000 });
    const core = await openCore(policies);
    try {
      const told = [];
      for (const partition of [1, 2]) {
        const answer = await core.propose(partition, proposal('a'), durable);
        told.push(answer.durability);
      }
      assert.deepEqual(told, ['accepted', 'accepted']);
      assert.equal(core.stats().acceptedRecords, 2);
      assert.equal(core.durableSize(2), 0);
      const signed = await core.propose(1, proposal('b'), { wait: 'checkpoint', paths: false });
      assert.deepEqual([signed.durability, signed.checkpoint?.size], ['durable', 2]);
      const synced = await core.propose(0, proposal('a'), durable);
      assert.equal(synced.durability, 'durable');
      assert.deepEqual([core.durableSize(2), core.stats().acceptedRecords], [1, 0]);
    } finally {
      await core.close();
    }
    await assert.rejects(
      openCore({ ...policies, partitions: partitions.map((p) => ({ ...p, durability: 'sync' })) }),
      code('storage/format'),
    );
  });

  it('counts what it does', async () => {
    await core.propose(0, proposal('a', 'a'), durable);
    const stats = core.stats();
    assert.deepEqual([stats.entries, stats.records, stats.duplicates], [1, 1, 1]);
    assert.equal(stats.duplicatesByKey, 0);
    assert.ok(stats.fdatasyncs > 0 && stats.walBytes > 0 && stats.syncSecondsSum > 0);
    assert.ok(!stats.poisoned && !stats.readOnly && !stats.diskFull);
  });
});
