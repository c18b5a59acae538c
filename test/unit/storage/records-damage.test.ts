/** A damaged log hides records that refer to objects: a collection must not take these for dead (O16). */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCore } from '../../../native/index.ts';
import { createRecordStore, openNativeLogStore } from '../../../storage/index.ts';
import { noise, openPayloadParts } from '../../support/payload-parts.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { options } from '../native/support.ts';

const COUNT = 4;
const payload = (seed: number) => noise(seed, 70_000);

async function openRecords(dir: string) {
  const core = await openCore(options(dir));
  const parts = await openPayloadParts(dir);
  const logStore = openNativeLogStore(core, options(dir).partitions);
  const records = createRecordStore({ log: core, logStore, ...parts });
  const close = async () => {
    await records.close();
    await parts.close();
    await core.close();
  };
  return { core, logStore, records, close };
}

describe('record store over a damaged log', () => {
  const dir = tempDir();

  it('collects no object of a record behind the damage', async () => {
    const first = await openRecords(dir());
    for (let seed = 0; seed < COUNT; seed++) {
      await first.records.append(0, [{ value: payload(seed) }]);
    }
    const [second] = first.logStore.read(0, 1, 0);
    await first.close();
    const wal = join(dir(), 'store/wal');
    const name = readdirSync(wal).find((found) => found.endsWith('.wal'));
    const path = join(wal, name ?? '');
    const sound = readFileSync(path);
    const at = sound.indexOf(second?.value ?? 'none');
    assert.ok(at > 0);
    const damaged = Buffer.from(sound);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    writeFileSync(path, damaged);
    rmSync(join(wal, 'STOP')); // or the log is not read

    const hurt = await openRecords(dir());
    assert.deepEqual([hurt.core.stats().readOnly, hurt.logStore.durableSize(0)], [true, 1]);
    await assert.rejects(hurt.records.collect(), { code: 'storage/read-only' });
    await hurt.close();

    writeFileSync(path, sound);
    const restored = await openRecords(dir());
    const rows = restored.logStore.read(0, 0, 1 << 20);
    assert.equal(rows.length, COUNT);
    for (const [seed, row] of rows.entries()) {
      const found = await restored.records.payload(row, { bytesMax: 1 << 20 });
      assert.ok(payload(seed).equals(found), `record ${seed}`);
    }
    await restored.close();
  });
});
