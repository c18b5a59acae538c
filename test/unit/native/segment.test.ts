import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  openSegment,
  rebuildSegment,
  type SegmentPlace,
  sealSegment,
} from '../../../native/index.ts';
import { packRows, segmentRows } from '../../support/segment-rows.ts';
import { tempDir } from '../../support/temp-dir.ts';

const rows = segmentRows(200, 40);

describe('sealed segments', () => {
  const dir = tempDir();
  const place = (): SegmentPlace => ({ dir: dir(), name: 's' });
  const seal = () => sealSegment(place(), 40, packRows(rows));

  it('are found by key, id, time and value, hot and cold', async () => {
    const hot = openSegment({ ...place(), figures: await seal() });
    const cold = openSegment({ ...place(), figures: await hot.toParquet(place()) });
    for (const segment of [hot, cold]) {
      for (const row of rows) {
        assert.equal(segment.byId(row.id), row.offset);
        const first = rows.find((other) => other.timestamp >= row.timestamp);
        assert.equal(segment.byTime(row.timestamp), first?.offset);
        const { key } = row;
        if (key !== undefined) {
          const held = rows.filter((other) => other.key && Buffer.compare(other.key, key) === 0);
          assert.equal(segment.byKey(key), held.at(-1)?.offset);
          const then = held.filter((other) => other.timestamp <= row.timestamp).at(-1);
          assert.equal(segment.byKey(key, row.timestamp), then?.offset);
        }
        const same = rows.filter(
          ({ schema, value }) => schema === 1 && Buffer.compare(value, row.value) === 0,
        );
        assert.deepEqual(
          segment.byValue(row.value),
          same.map(({ offset }) => offset),
        );
      }
      assert.equal(segment.byKey(Buffer.from('none')), undefined);
      assert.equal(segment.byId(1n), undefined);
      assert.equal(segment.byId(-1n), undefined);
      assert.equal(segment.byTime(2 ** 52), undefined);
      await segment.check();
      assert.deepEqual(await segment.verify(), []);
      segment.close();
    }
  });

  it('lend their file without a copy, and writing to the loan changes nothing', async () => {
    const segment = openSegment({ ...place(), figures: await seal() });
    const [first, second] = [segment.buffer(), segment.buffer()];
    const file = readFileSync(join(dir(), 's.arrow'));
    segment.close();
    assert.equal(Buffer.compare(first, file), 0);
    first.fill(7);
    assert.equal(Buffer.compare(second, file), 0);
    assert.equal(Buffer.compare(readFileSync(join(dir(), 's.arrow')), file), 0);
  });

  it('say which offsets are damaged', async () => {
    const figures = await seal();
    const path = join(dir(), 's.arrow');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('number 121');
    assert.ok(at > 0);
    bytes[at] = 0x4e;
    rmSync(path);
    writeFileSync(path, bytes);
    const look = async () => {
      const segment = openSegment({ ...place(), figures });
      try {
        await segment.check();
      } finally {
        segment.close();
      }
    };
    await assert.rejects(look, {
      code: 'storage/corrupt',
      message: /offsets \d+ to \d+ are damaged/,
    });
    await assert.rejects(rebuildSegment(place(), 'hot'), { code: 'storage/corrupt' });
  });

  it('get their sidecar again, byte for byte', async () => {
    const figures = await seal();
    const side = readFileSync(join(dir(), 's.side'));
    rmSync(join(dir(), 's.side'));
    assert.throws(() => openSegment({ ...place(), figures }), {
      code: 'storage/corrupt',
      message: /missing.*rebuild/,
    });
    assert.deepEqual(await rebuildSegment(place(), 'hot'), figures);
    assert.deepEqual(readFileSync(join(dir(), 's.side')), side);
  });

  it('refuse what is no segment and what cannot be sealed', async () => {
    const figures = await seal();
    assert.throws(() => openSegment({ ...place(), figures: figures.subarray(1) }), {
      code: 'storage/format',
    });
    // A segment whose file is gone is damage like any other: its records cannot be read until it is restored.
    assert.throws(() => openSegment({ dir: dir(), name: 'other', figures }), {
      code: 'storage/corrupt',
    });
    const refused: [number, Uint8Array, string][] = [
      [41, packRows(rows), 'batch/malformed'],
      [40, packRows(rows).subarray(1), 'storage/format'],
      [40, new Uint8Array(), 'batch/malformed'],
    ];
    for (const [base, packed, code] of refused) {
      const to = { dir: dir(), name: 'no' };
      await assert.rejects(sealSegment(to, base, packed), { code });
      assert.equal(existsSync(join(dir(), 'no.arrow')), false);
    }
  });

  it('answer nothing once closed', async () => {
    const segment = openSegment({ ...place(), figures: await seal() });
    segment.close();
    segment.close();
    assert.throws(() => segment.byTime(1), { code: 'storage/segment-closed' });
    assert.throws(() => segment.buffer(), { code: 'storage/segment-closed' });
    await assert.rejects(segment.verify(), { code: 'storage/segment-closed' });
  });
});
