import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealSegment } from '../../../native/index.ts';
import { openSegmentTable } from '../../../storage/index.ts';
// Before mocha takes note of what is global: a library of this one adds its helpers there.
import 'apache-arrow';
import { INSTALL, pythonWith } from '../../support/arrow-python.ts';
import { packRows, type SegmentRow, segmentRows } from '../../support/segment-rows.ts';
import { tempDir } from '../../support/temp-dir.ts';

const opener = new URL('../../../bench/store/opener-main.ts', import.meta.url).pathname;
const script = new URL('../../vectors/segment.py', import.meta.url).pathname;

describe('segments as tables', function () {
  this.timeout(300_000); // a million rows are sealed
  const dir = tempDir();
  const place = () => ({ dir: dir(), name: 's' });

  it('show every row as it was sealed', async () => {
    const rows = segmentRows(300, 7);
    const figures = await sealSegment(place(), 7, packRows(rows));
    const { table, segment } = await openSegmentTable({ ...place(), figures, check: true });
    segment.close();
    assert.equal(table.numRows, rows.length);
    for (const [i, row] of rows.entries()) {
      const read = table.get(i);
      assert.equal(read?.offset, BigInt(row.offset));
      assert.equal(read?.epoch, row.epoch);
      assert.equal(read?.timestamp, row.timestamp);
      assert.equal(read?.scarab_id, row.id);
      assert.equal(read?.schema_id, row.schema);
      assert.deepEqual(read?.key, row.key ?? null);
      assert.deepEqual(read?.headers, row.headers ?? null);
      assert.deepEqual(read?.value, row.value);
      assert.equal(read?.leaf_hash.length, 32);
    }
  });

  it('refuse a cold segment and a damaged one', async () => {
    const figures = await sealSegment(place(), 0, packRows(segmentRows(4000, 0)));
    const { segment } = await openSegmentTable({ ...place(), figures });
    const cold = await segment.toParquet(place());
    segment.close();
    await assert.rejects(openSegmentTable({ ...place(), figures: cold }), {
      code: 'storage/format',
    });
    const path = join(dir(), 's.arrow');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('number 3996');
    assert.ok(at > 0);
    bytes[at] = 0x4e;
    rmSync(path);
    writeFileSync(path, bytes);
    await assert.rejects(openSegmentTable({ ...place(), figures, check: true }), {
      code: 'storage/corrupt',
    });
  });

  it('cost at most 20 MB of memory for a million rows', async () => {
    const figures = await sealSegment(place(), 0, manyRows(1_000_000));
    const args = [opener, dir(), 's', Buffer.from(figures).toString('hex')];
    const child = spawnSync(process.execPath, ['--expose-gc', ...args], { encoding: 'utf8' });
    assert.equal(child.status, 0, child.stderr);
    const { rows, bytes, rssBytes } = JSON.parse(child.stdout);
    assert.equal(rows, 1_000_000);
    assert.ok(bytes > 100e6, `the file is large: ${bytes} bytes`);
    assert.ok(rssBytes <= 20e6, `opening took ${rssBytes} bytes`);
  });

  it('lend the mapping, not copies of it', async () => {
    const figures = await sealSegment(place(), 7, packRows(segmentRows(5_000, 7)));
    const { table, segment } = await openSegmentTable({ ...place(), figures });
    segment.close();
    const memory = table.getChild('timestamp')?.data[0]?.values.buffer;
    assert.equal(memory?.byteLength, statSync(join(dir(), 's.arrow')).size);
    const [columns = []] = table.batches.map((batch) => batch.data.children);
    assert.deepEqual([table.batches.length, columns.length], [1, table.schema.fields.length]);
    const parts = columns.flatMap((column) => [
      column.values,
      column.valueOffsets,
      column.nullBitmap,
    ]);
    const lent = parts.filter((part) => part?.length > 0);
    assert.ok(lent.length > columns.length);
    for (const part of lent) assert.equal(part.buffer, memory);
  });

  for (const library of ['pyarrow', 'duckdb']) {
    const python = pythonWith(library === 'duckdb' ? ['duckdb', 'pyarrow'] : [library]);
    const how = python === undefined ? ` (not installed; ${INSTALL} does that)` : '';
    it(`are the same to ${library}, as Arrow and as Parquet${how}`, async function () {
      if (python === undefined) return this.skip();
      const rows = segmentRows(300, 7);
      const figures = await sealSegment(place(), 7, packRows(rows));
      const { segment } = await openSegmentTable({ ...place(), figures });
      await segment.toParquet(place());
      segment.close();
      for (const file of ['s.arrow', 's.parquet']) {
        const read: SpawnSyncReturns<string> = spawnSync(
          python,
          [script, library, join(dir(), file)],
          {
            encoding: 'utf8',
            maxBuffer: 64 << 20,
          },
        );
        assert.equal(read.status, 0, read.stderr);
        const leaf = file === 's.arrow' ? 32 : null;
        assert.deepEqual(
          JSON.parse(read.stdout),
          rows.map((row) => [...shown(row), leaf]),
        );
      }
    });
  }
});

/** A row as test/vectors/segment.py prints it, but for its leaf hash. */
function shown(row: SegmentRow) {
  const hex = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? null : Buffer.from(bytes).toString('hex');
  return [
    String(row.offset),
    row.epoch,
    row.timestamp,
    String(row.id),
    hex(row.key),
    hex(row.value),
    hex(row.headers),
    row.schema,
  ];
}

/** Packed rows (B5) of 32 bytes, each with the hashes of the same value. */
function manyRows(count: number): Uint8Array {
  const [first] = segmentRows(1, 0);
  assert.ok(first);
  const row = packRows([{ ...first, key: undefined, value: new Uint8Array(32).fill(0x61) }]);
  const packed = Buffer.alloc(row.length * count);
  const view = new DataView(packed.buffer, packed.byteOffset);
  for (let n = 0, at = 0; n < count; n++, at += row.length) {
    packed.set(row, at);
    view.setUint32(at + 12, 2 * n + 1, true);
    view.setUint32(at + 20, n, true);
  }
  return packed;
}
