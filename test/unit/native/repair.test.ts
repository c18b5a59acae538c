/** Looking after a store from TypeScript: the Rust tests damage every kind of file, this one crosses the boundary. */
import { strict as assert } from 'node:assert';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Table, tableFromIPC } from 'apache-arrow';
import {
  checkStore,
  exportStore,
  openCore,
  rebuildStoreIndex,
  repairStore,
  storeFigures,
} from '../../../native/index.ts';
import { digest, options, origin, proposal, temporary } from './support.ts';

/** Behind the first seal point (Z2). */
const RECORDS = 270_000;
const BATCH = 10_000;

describe('a store that no node has open', function () {
  this.timeout(120_000);
  const place = temporary();
  const store = join(place.dir, 'store');
  after(() => place.remove());

  before(async () => {
    const core = await openCore(options(place.dir));
    for (let first = 0; first < RECORDS; first += BATCH) {
      const labels = Array.from({ length: BATCH }, (_, i) => `${first + i}`);
      await core.propose(0, proposal(...labels), { wait: 'durable', paths: false });
    }
    await core.close();
  });

  const sealed = () => {
    const dir = join(store, 'segments');
    return join(dir, readdirSync(dir).find((name) => name.endsWith('.arrow')) ?? '');
  };
  const flip = (file: string, at: number) => {
    const byte = (readFileSync(file)[at] ?? 0) ^ 4;
    const handle = openSync(file, 'r+');
    writeSync(handle, Uint8Array.of(byte), 0, 1, at);
    closeSync(handle);
  };

  it('is refused while a core has it open', async () => {
    const core = await openCore(options(place.dir));
    await assert.rejects(checkStore(store), { code: 'storage/locked' });
    await core.close();
    await assert.rejects(checkStore(place.dir), { code: 'storage/format' });
  });

  it('is sound, and says what it is made of', async () => {
    const stages: string[] = [];
    const report = await checkStore(store, { onProgress: ({ stage }) => stages.push(stage) });
    assert.deepEqual([report.clean, report.findings, report.refused], [true, [], null]);
    assert.deepEqual(report.partitions, [
      { partition: 0, origin, records: RECORDS, signed: RECORDS },
    ]);
    const { partitions, walBytes } = await storeFigures(store);
    assert.equal(partitions[0]?.records, RECORDS);
    assert.equal(partitions[0]?.sealPoints.length, 1);
    assert.ok((partitions[0]?.overheadBytesPerRecord ?? 0) > 0 && walBytes > 0);
    assert.ok((await rebuildStoreIndex(store)).after.clean);
  });

  it('is exported as Arrow that other libraries read', async () => {
    const out = join(place.dir, 'arrow');
    const wanted = { partition: 0, from: 5, to: 20_005, form: 'arrow', out } as const;
    const { files, records, unreadable } = await exportStore(store, wanted);
    assert.deepEqual([files.length, records, unreadable], [1, 20_000, []]);
    const table: Table = tableFromIPC(readFileSync(join(out, files[0] ?? '')));
    assert.equal(table.numRows, 20_000);
    assert.equal(table.getChild('offset')?.get(0), 5n);
    const value = table.getChild('value')?.get(0) as Uint8Array;
    assert.deepEqual(Buffer.from(value.subarray(2)), digest('5'));
    await assert.rejects(exportStore(store, wanted), { code: 'storage/exists' });
  });

  it('stops when it is told to, and leaves nothing', async () => {
    const stop = new AbortController();
    const out = join(place.dir, 'stopped');
    const wanted = { partition: 0, from: 0, form: 'parquet', out } as const;
    const running = exportStore(store, wanted, { signal: stop.signal });
    stop.abort();
    await assert.rejects(running, { code: 'storage/cancelled' });
    assert.ok(!existsSync(out) && !existsSync(`${out}.unfinished`));
  });

  it('keeps everything readable but what is damaged', async () => {
    flip(sealed(), 100_000);
    const found = await checkStore(store);
    const [finding] = found.findings;
    assert.deepEqual(
      [found.clean, finding?.severity, finding?.repairable],
      [false, 'damage', true],
    );
    const [lost] = finding?.offsets ?? [];
    assert.ok(lost !== undefined && lost.to > lost.from && lost.to - lost.from < 20_000);

    const dry = await repairStore(store, { dryRun: true });
    assert.deepEqual([dry.dryRun, dry.acts.length], [true, 1]);
    const done = await repairStore(store);
    assert.ok(done.after.clean);
    assert.deepEqual(done.acts[0]?.unreadable, [lost]);

    const core = await openCore(options(place.dir));
    assert.throws(() => core.read(0, lost.from, 0), { code: 'storage/corrupt' });
    for (const offset of [lost.from - 1, lost.to, RECORDS - 1]) core.read(0, offset, 0);
    await core.close();
    const out = join(place.dir, 'rest');
    const rest = await exportStore(store, { partition: 0, from: 0, form: 'ndjson', out });
    assert.deepEqual(rest.unreadable, [lost]);
    assert.equal(rest.records, RECORDS - (lost.to - lost.from));
  });
});
