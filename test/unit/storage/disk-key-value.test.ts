/** A bit that flips on disk is noticed when the value is read: never served as if it had been written. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PyralogError } from '../../../base/errors.ts';
import { type KeyValue, openLevelKeyValue } from '../../../storage/index.ts';

const KEYS = Array.from({ length: 40 }, (_, i) => Buffer.from(`key ${i}`));
/** Nothing that compresses, so that a flipped bit passes the decompressor. */
const contentOf = (key: Buffer) =>
  Buffer.concat(
    Array.from({ length: 8 }, (_, i) =>
      createHash('sha512').update(key).update(String(i)).digest(),
    ),
  );

describe('key-value store on a damaged disk', () => {
  const place = mkdtempSync(join(tmpdir(), 'pyralog-kv-'));
  const dir = join(place, 'kv');
  after(() => rmSync(place, { recursive: true }));

  const tables = () =>
    readdirSync(dir)
      .filter((name) => name.endsWith('.ldb'))
      .map((name) => join(dir, name));

  before(async () => {
    const kv = await openLevelKeyValue(dir);
    await kv.batch(KEYS.map((key) => ({ kind: 'put', key, value: contentOf(key) })));
    await kv.close();
    await (await openLevelKeyValue(dir)).close(); // what was in the log is now in a table
  });

  const readAll = async (kv: KeyValue) => {
    let refused = 0;
    for (const key of KEYS) {
      try {
        const value = await kv.get(key);
        // A flipped key cannot be found any more; nothing else may come in its place.
        if (value !== undefined) assert.deepEqual(Buffer.from(value), contentOf(key));
      } catch (error) {
        assert.ok(error instanceof PyralogError, String(error));
        assert.equal(error.code, 'storage/corrupt');
        refused += 1;
      }
    }
    return refused;
  };

  it('refuses the value, by get and by range, and serves the others', async () => {
    const [table] = tables();
    assert.ok(table !== undefined);
    const good = readFileSync(table);
    const bad = Buffer.from(good);
    const at = good.indexOf(contentOf(Buffer.from('key 7')).subarray(100, 164));
    assert.ok(at > 0, 'the value stands in the table as it is');
    bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at);
    writeFileSync(table, bad);
    const kv = await openLevelKeyValue(dir);
    assert.equal(await readAll(kv), 1);
    const walk = async () => {
      for await (const [key, value] of kv.range({})) {
        assert.deepEqual(Buffer.from(value), contentOf(Buffer.from(key)));
      }
    };
    await assert.rejects(walk, { code: 'storage/corrupt' });
    await assert.rejects(kv.getMany([Buffer.from('key 6'), Buffer.from('key 7')]), {
      code: 'storage/corrupt',
    });
    await kv.close();
    writeFileSync(table, good);
    const healed = await openLevelKeyValue(dir);
    assert.equal(await readAll(healed), 0);
    await healed.close();
  });
});
