import { strict as assert } from 'node:assert';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { PyralogError } from '../../base/errors.ts';
import type { Replicator } from '../../consensus/index.ts';
import {
  createRecordStore,
  decodeObjectReference,
  encodeProposal,
  type LogRow,
  type LogStore,
  type NewRecord,
  type RecordStore,
} from '../../storage/index.ts';
import {
  misfits,
  noise,
  openPayloadParts,
  orderSchema,
  orders,
  type PayloadParts,
} from '../support/payload-parts.ts';

/** Two empty partitions and what writes to them. */
export interface LogsUnderTest {
  readonly replicator: Replicator;
  readonly store: LogStore;
  readonly close: () => Promise<void>;
}

const LONG = 65_537;

/** What a record store keeps over any logs (objects.md O14–O16). */
export function describeRecordStore(
  name: string,
  { dir, make }: { dir: () => string; make: () => Promise<LogsUnderTest> },
): void {
  describe(`RecordStore: ${name}`, () => {
    let logs: LogsUnderTest;
    let parts: PayloadParts;
    let records: RecordStore;
    beforeEach(async () => {
      logs = await make();
      parts = await openPayloadParts(dir());
      records = createRecordStore(
        { log: logs.replicator, logStore: logs.store, ...parts },
        { filesRoot: parts.filesRoot },
      );
    });
    afterEach(async () => {
      await records.close();
      await parts.close();
      await logs.close();
    });

    const rowsOf = (partition = 0): LogRow[] => logs.store.read(partition, 0, 1 << 26);
    const last = (): LogRow => {
      const row = rowsOf().at(-1);
      assert.ok(row !== undefined);
      return row;
    };
    const append = async (...news: NewRecord[]) => (await records.append(0, news)).outcomes;
    const file = (path: string) => ({ file: { path, format: 'other' } as const });
    /** A record that did not come through the record store. */
    const raw = async (schemaId: number, value: Uint8Array): Promise<LogRow> => {
      const proposal = encodeProposal([{ schemaId, value, submitter: `${Math.random()}` }]);
      await logs.replicator.propose(0, proposal, { wait: 'durable', paths: false });
      return last();
    };
    const whole = (row: LogRow) => records.payload(row, { bytesMax: 1 << 26 });
    const named = (code: string, field: string) => (error: unknown) => {
      assert.ok(error instanceof PyralogError, String(error));
      assert.deepEqual([error.code, error.data['field']], [code, field]);
      return true;
    };

    it('keeps small values in the log and large ones beside it, from one byte above the bound on', async () => {
      await append({ value: noise(1, LONG - 1) }, { value: noise(2, LONG) });
      const [small, large] = rowsOf();
      assert.ok(small !== undefined && large !== undefined);
      assert.deepEqual(records.content(small), { kind: 'value', schemaId: 0 });
      assert.equal(small.value.length, LONG - 1);
      assert.deepEqual([large.record.schemaId, large.value.length], [2, 80]);
      assert.ok(noise(2, LONG).equals(await whole(large)));
      const part = await records.part(large, { from: LONG - 10, length: 20 });
      assert.ok(noise(2, LONG).subarray(-10).equals(part));
      const front = await records.part(small, { from: 4, length: 4 });
      assert.ok(
        noise(1, LONG - 1)
          .subarray(4, 8)
          .equals(front),
      );
      await records.verify(large);
      await records.verify(small);
    });

    it('returns every payload, whatever its length, key, headers and neighbours', async () => {
      const made = fc.record(
        {
          length: fc.constantFrom(0, 1, 1_000, LONG - 2, LONG - 1, LONG, 300_000, 1_200_000),
          seed: fc.nat(3),
          key: fc.uint8Array({ maxLength: 9 }),
          header: fc.string({ maxLength: 9 }),
        },
        { requiredKeys: ['length', 'seed'], noNullPrototype: true },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(made, { minLength: 1, maxLength: 6 }), async (batch) => {
          const news = batch.map(({ length, seed, key, header }) => ({
            value: noise(seed, length),
            ...(key === undefined ? {} : { key }),
            ...(header === undefined ? {} : { headers: [{ name: header, value: noise(1, 8) }] }),
          }));
          const { outcomes, durability } = await records.append(1, news);
          assert.equal(durability, 'durable');
          for (const [i, { offset }] of outcomes.entries()) {
            const [row] = logs.store.read(1, offset, 0);
            const sent = news[i];
            assert.ok(row !== undefined && sent !== undefined);
            assert.ok(sent.value.equals(await whole(row)));
            assert.deepEqual(row.key && [...row.key], sent.key && [...sent.key]);
          }
          // One read of them all finds what a collection keeps.
          await records.collect();
        }),
        { numRuns: 15 },
      );
      for (const row of rowsOf(1)) await records.verify(row);
      const swept = await records.collect();
      assert.equal(swept.objects, 0, 'nothing that records refer to is removed');
    });

    it('recognises large values that come again: by content and by key, stored once', async () => {
      const value = noise(3, 500_000);
      const [first] = await append({ value });
      const { storedBytes } = parts.objects.stats();
      const [again, keyed, repeated, other] = await append(
        { value: noise(3, 500_000) },
        { value, idempotencyKey: 'k' },
        { value, idempotencyKey: 'k' },
        { value: noise(4, 500_000), idempotencyKey: 'k' },
      );
      assert.deepEqual([again?.status, again?.offset], ['duplicate', first?.offset]);
      assert.deepEqual([keyed?.status, repeated?.status], ['new', 'duplicate']);
      assert.equal(other?.status, 'conflict');
      const stats = parts.objects.stats();
      assert.ok(stats.storedBytes < storedBytes + 600_000, 'only the conflicting one was added');
      assert.ok(stats.knownChunks > 0);
      assert.equal((await records.collect()).objects, 1, 'that nothing refers to');
    });

    it('holds values against their schema, before anything of the batch is stored', async () => {
      const id = await parts.schemas.register('orders', orderSchema());
      await append({ value: orders(3), schema: 'orders' }, { value: orders(2), schema: id });
      assert.deepEqual(records.content(last()), { kind: 'value', schemaId: id });
      const puts = () => parts.objects.stats().puts;
      const before = puts();
      const wrong = { value: misfits(3), schema: 'orders' };
      await assert.rejects(append({ value: noise(1, LONG) }, wrong), named('schema/misfit', 'id'));
      await assert.rejects(append({ value: noise(1, 9), schema: id }), {
        code: 'schema/malformed',
      });
      await assert.rejects(append({ value: orders(1), schema: id + 1 }), {
        code: 'schema/unknown',
      });
      await assert.rejects(append({ value: orders(1), schema: 'nobody' }), {
        code: 'schema/unknown',
      });
      assert.deepEqual([puts(), logs.store.durableSize(0)], [before, 2]);
      const { checked, misfits: refused } = parts.schemas.stats();
      assert.deepEqual([checked, refused], [5, 3]);
    });

    it('keeps the schema of a large batch in its reference', async () => {
      const id = await parts.schemas.register('orders', orderSchema());
      await append({ value: orders(3_000, 50), schema: 'orders' });
      const content = records.content(last());
      assert.deepEqual([content.kind, 'schemaId' in content && content.schemaId], ['object', id]);
      assert.deepEqual(Buffer.from(await whole(last())), Buffer.from(orders(3_000, 50)));
      assert.equal(await parts.schemas.check(id, await whole(last())), 3_000);
    });

    it('refuses what cannot be a record', async () => {
      const value = noise(1, 10);
      for (const schema of [1, 2, 3, 255, 256.5, -1, 2 ** 32, Number.NaN]) {
        await assert.rejects(append({ value, schema }), { code: 'record/malformed' }, `${schema}`);
      }
      await assert.rejects(records.append(0, []), { code: 'record/malformed' });
      writeFileSync(join(parts.filesRoot, 'f'), 'f');
      await assert.rejects(append({ value: file('f'), schema: 256 }), { code: 'record/malformed' });
      // As U+FFFD they would be the same key.
      for (const lone of ['a\ud800', 'a\ud801']) {
        await assert.rejects(append({ value, idempotencyKey: lone }), { code: 'record/malformed' });
        await assert.rejects(append({ value, submitter: lone }), { code: 'record/malformed' });
        await assert.rejects(append({ value: file(lone) }), { code: 'record/malformed' });
      }
      await assert.rejects(records.append(9, [{ value: noise(1, LONG) }]), {
        code: 'log/out-of-range',
      });
      assert.equal(parts.objects.stats().puts, 0);
      // Too much for one proposal, though each is small: what was put for it is let go of.
      const many = Array.from({ length: 300 }, (_, i) => ({ value: noise(i, 60_000) }));
      await assert.rejects(append({ value: noise(9, LONG) }, ...many), { code: 'batch/malformed' });
      assert.equal((await records.collect()).objects, 1);
      assert.equal(logs.store.durableSize(0), 0);
      const enough = new Error('enough');
      await assert.rejects(
        records.append(0, [{ value }], { signal: AbortSignal.abort(enough) }),
        enough,
      );
    });

    it('refers to files where they are, and serves what it compared', async () => {
      writeFileSync(join(parts.filesRoot, 'table'), 'content');
      await append({ value: file('table') });
      const row = last();
      const content = records.content(row);
      assert.ok(content.kind === 'file');
      assert.deepEqual([content.reference.path, content.reference.length], ['table', 7]);
      assert.equal(Buffer.from(await whole(row)).toString(), 'content');
      await records.verify(row);
      await assert.rejects(records.payload(row, { bytesMax: 6 }), { code: 'record/too-long' });
      await assert.rejects(records.part(row, { from: 0, length: 1 }), { code: 'record/malformed' });
      writeFileSync(join(parts.filesRoot, 'table'), 'c0ntent');
      await assert.rejects(whole(row), { code: 'object/changed' });
      await assert.rejects(records.verify(row), { code: 'object/changed' });
      const bare = createRecordStore({ log: logs.replicator, logStore: logs.store, ...parts });
      await assert.rejects(bare.append(0, [{ value: file('table') }]), { code: 'record/no-files' });
      await assert.rejects(bare.payload(row, { bytesMax: 99 }), { code: 'record/no-files' });
    });

    it('follows no path out of the root, in what is appended and in what stands in the log', async () => {
      writeFileSync(join(dir(), 'secret'), 'secret');
      writeFileSync(join(parts.filesRoot, 'good'), 'good');
      symlinkSync(join(dir(), 'secret'), join(parts.filesRoot, 'link'));
      symlinkSync(dir(), join(parts.filesRoot, 'out'));
      await append({ value: file('good') });
      const good = Buffer.from(last().value);
      for (const path of ['../secret', '/etc/passwd', 'link', 'out/secret', 'a/../../secret', '']) {
        await assert.rejects(append({ value: file(path) }), { code: 'object/path' }, path);
        const forged = Buffer.concat([good.subarray(0, 44), Buffer.from(path)]);
        forged.writeUInt16LE(path.length, 2);
        forged.writeBigUInt64LE(6n, 4);
        const row = await raw(3, forged);
        await assert.rejects(whole(row), { code: 'object/path' }, path);
        await assert.rejects(records.verify(row), { code: 'object/path' }, path);
      }
    });

    it('answers references that lie with an error, and reads all others', async () => {
      await append({ value: noise(1, LONG) }, { value: noise(2, LONG) });
      const [one, two] = rowsOf();
      assert.ok(one !== undefined && two !== undefined);
      const changed = (at: number, bytes: Uint8Array) => {
        const value = Buffer.from(one.value);
        value.set(bytes, at);
        return raw(2, value);
      };
      const huge = Buffer.alloc(8);
      huge.writeBigUInt64LE(2n ** 53n - 1n);
      const lies: [LogRow, string][] = [
        [await raw(2, Buffer.concat([Buffer.of(1, 0, 0, 0), noise(5, 75)])), 'object/malformed'],
        [await raw(2, Buffer.concat([Buffer.of(0), noise(5, 79)])), 'object/malformed'],
        [await raw(3, noise(5, 60)), 'object/malformed'],
        [await changed(16, noise(7, 32)), 'object/missing'],
        [await changed(48, noise(7, 32)), 'object/malformed'],
        [await changed(16, two.value.subarray(16, 48)), 'object/malformed'],
        [await changed(8, huge), 'object/malformed'],
        [await changed(8, Buffer.alloc(8, 255)), 'object/malformed'],
      ];
      for (const [row, code] of lies) {
        const options = { bytesMax: Number.MAX_SAFE_INTEGER };
        await assert.rejects(records.payload(row, options), { code });
        await assert.rejects(records.verify(row), { code });
      }
      const [, , , , , , hugeLie] = lies;
      assert.ok(hugeLie !== undefined);
      await assert.rejects(whole(hugeLie[0]), { code: 'record/too-long' });
      assert.ok(noise(1, LONG).equals(await whole(one)));
      assert.ok(noise(2, LONG).equals(await whole(two)));
      assert.equal((await records.collect()).objects, 0, 'lies remove nothing');
      assert.ok(noise(1, LONG).equals(await whole(one)));
    });

    it('collects what no record refers to, while records come', async () => {
      const { pin } = await parts.objects.put(noise(50, LONG));
      pin.release();
      let collecting = true;
      const appending = (async () => {
        for (let i = 0; collecting && i < 500; i++) await append({ value: noise(100 + i, LONG) });
      })();
      let swept = 0;
      for (let i = 0; i < 5; i++) swept += (await records.collect()).objects;
      collecting = false;
      await appending;
      assert.equal(swept, 1);
      for (const row of rowsOf()) await records.verify(row);
    });

    it('removes nothing when a reference is of a later version', async () => {
      await append({ value: noise(1, LONG) });
      const { pin, reference } = await parts.objects.put(noise(2, LONG));
      pin.release();
      await raw(2, Buffer.concat([Buffer.from([2]), noise(1, 99)]));
      await assert.rejects(records.collect(), { code: 'object/malformed' });
      await parts.objects.check(reference);
    });

    it('ends when it is closed, and answers what it took', async () => {
      const running = append({ value: noise(1, LONG) });
      await records.close();
      assert.equal((await running)[0]?.status, 'new');
      await assert.rejects(append({ value: noise(2, 1) }), { code: 'record/closed' });
      await assert.rejects(records.collect(), { code: 'record/closed' });
      const { id } = decodeObjectReference(last().value);
      assert.deepEqual(await parts.objects.verify([id]), []);
    });
  });
}
