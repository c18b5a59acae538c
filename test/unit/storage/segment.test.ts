import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealSegment } from '../../../native/index.ts';
import { openSegmentTable } from '../../../storage/index.ts';
// Before mocha takes note of what is global: a library of this one adds its helpers there.
import 'apache-arrow';
import { packRows, type SegmentRow, segmentRows } from '../../support/segment-rows.ts';
import { tempDir } from '../../support/temp-dir.ts';

const opener = new URL('../../support/segment-opener.ts', import.meta.url).pathname;
const python = new URL('../../vectors/segment.py', import.meta.url).pathname;

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

  for (const library of ['pyarrow', 'duckdb']) {
    it(`are the same to ${library}, as Arrow and as Parquet`, async function () {
      const modules = library === 'duckdb' ? 'duckdb, pyarrow' : library;
      const there = spawnSync('python3', ['-c', `import ${modules}`]).status === 0;
      if (!there) this.skip(); // needs pyarrow, and duckdb for one of them
      const rows = segmentRows(300, 7);
      const figures = await sealSegment(place(), 7, packRows(rows));
      const { segment } = await openSegmentTable({ ...place(), figures });
      await segment.toParquet(place());
      segment.close();
      for (const file of ['s.arrow', 's.parquet']) {
        const read = spawnSync('python3', [python, library, join(dir(), file)], {
          encoding: 'utf8',
          maxBuffer: 64 << 20,
        });
        assert.equal(read.status, 0, read.stderr);
        assert.deepEqual(JSON.parse(read.stdout), rows.map(shown));
      }
    });
  }
});

/** A row as test/vectors/segment.py prints it. */
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
    32,
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
