import { strict as assert } from 'node:assert';
import type { KeyRange, KeyValue, KeyValueReader } from '../../storage/index.ts';

/** What every {@link KeyValue} keeps. */
export function describeKeyValue(name: string, open: () => Promise<KeyValue>): void {
  describe(`KeyValue: ${name}`, () => {
    let kv: KeyValue;
    beforeEach(async () => {
      kv = await open();
    });
    afterEach(() => kv.close());

    const put = (key: string, value: string) =>
      ({ kind: 'put', key: Buffer.from(key), value: Buffer.from(value) }) as const;
    const del = (key: string) => ({ kind: 'delete', key: Buffer.from(key) }) as const;
    const get = async (key: string) => {
      const value = await kv.get(Buffer.from(key));
      return value === undefined ? undefined : Buffer.from(value).toString();
    };

    it('gets what was put, and nothing where nothing is', async () => {
      await kv.batch([put('a', '1'), put('b', '')]);
      assert.deepEqual([await get('a'), await get('b'), await get('c')], ['1', '', undefined]);
    });

    it('gets many at once, in the order asked, of a snapshot too', async () => {
      await kv.batch([put('a', '1'), put('b', '')]);
      const snapshot = kv.snapshot();
      await kv.batch([put('a', '2'), del('b')]);
      const keys = ['b', 'never', 'a', 'a'].map((key) => Buffer.from(key));
      const texts = async (reader: KeyValueReader) =>
        (await reader.getMany(keys)).map((value) => value && Buffer.from(value).toString());
      assert.deepEqual(await texts(kv), [undefined, undefined, '2', '2']);
      assert.deepEqual(await texts(snapshot), ['', undefined, '1', '1']);
      assert.deepEqual(await kv.getMany([]), []);
      await snapshot.close();
    });

    it('applies a batch in order: the later operation on a key wins', async () => {
      await kv.batch([put('a', '1'), del('a'), put('b', '1'), put('b', '2')]);
      assert.deepEqual([await get('a'), await get('b')], [undefined, '2']);
      await kv.batch([del('b'), put('b', '3'), del('never')]);
      assert.equal(await get('b'), '3');
      await kv.batch([]);
    });

    it('orders keys by their bytes, not as text', async () => {
      const keys = [[0], [0, 0], [0x7f], [0x80], [0xff], [0xff, 0xff]];
      await kv.batch(
        [...keys].reverse().map((key) => ({
          kind: 'put' as const,
          key: Uint8Array.from(key),
          value: new Uint8Array([1]),
        })),
      );
      const found = [];
      for await (const [key] of kv.range({})) found.push([...key]);
      assert.deepEqual(found, keys);
    });

    it('walks ranges: from included, to excluded, backwards, limited', async () => {
      await kv.batch([...'abcdef'].map((key) => put(key, key)));
      const b = Buffer.from('b');
      const e = Buffer.from('e');
      assert.equal(await walk(kv, { from: b, to: e }), 'bcd');
      assert.equal(await walk(kv, { from: b, to: e, reverse: true }), 'dcb');
      assert.equal(await walk(kv, { limit: 2 }), 'ab');
      assert.equal(await walk(kv, { from: b, reverse: true, limit: 2 }), 'fe');
      assert.equal(await walk(kv, { limit: 0 }), '');
      assert.equal(await walk(kv, { from: e, to: b }), '');
    });

    it('shows a range as it stood when it began', async () => {
      await kv.batch([put('a', '1'), put('b', '1'), put('c', '1')]);
      let seen = '';
      for await (const [key] of kv.range({})) {
        seen += Buffer.from(key).toString();
        await kv.batch([del('b'), put('d', '1')]);
      }
      assert.equal(seen, 'abc');
    });

    it('keeps a snapshot apart from later writes', async () => {
      await kv.batch([put('a', '1'), put('b', '1')]);
      const snapshot = kv.snapshot();
      await kv.batch([put('a', '2'), del('b'), put('c', '1')]);
      assert.equal(Buffer.from((await snapshot.get(Buffer.from('a'))) ?? []).toString(), '1');
      assert.equal(await walk(snapshot, {}), 'ab');
      assert.equal(await walk(kv, {}), 'ac');
      await snapshot.close();
      await snapshot.close();
      await assert.rejects(snapshot.get(Buffer.from('a')), { code: 'storage/key-value-closed' });
    });

    it('keeps its own copy of keys and values', async () => {
      const key = Buffer.from('a');
      const value = Buffer.from('1');
      await kv.batch([{ kind: 'put', key, value }]);
      key.fill(0);
      value.fill(0);
      const got = await kv.get(Buffer.from('a'));
      assert.deepEqual([...(got ?? [])], [0x31]);
      got?.fill(0);
      assert.equal(await get('a'), '1');
    });

    it('ends an iteration with its signal, and survives one that is left early', async () => {
      await kv.batch([...'abc'].map((key) => put(key, key)));
      const controller = new AbortController();
      const enough = new Error('enough');
      let seen = 0;
      await assert.rejects(async () => {
        for await (const _ of kv.range({ signal: controller.signal })) {
          seen++;
          controller.abort(enough);
        }
      }, enough);
      assert.equal(seen, 1);
      for await (const _ of kv.range({})) break;
      assert.equal(await get('a'), 'a');
    });

    it('refuses everything once closed', async () => {
      await kv.close();
      await kv.close();
      const closed = { code: 'storage/key-value-closed' };
      await assert.rejects(kv.get(Buffer.from('a')), closed);
      await assert.rejects(kv.getMany([Buffer.from('a')]), closed);
      await assert.rejects(kv.batch([put('a', '1')]), closed);
      await assert.rejects(walk(kv, {}), closed);
      assert.throws(() => kv.snapshot(), closed);
    });
  });
}

async function walk(reader: KeyValueReader, range: KeyRange): Promise<string> {
  let keys = '';
  for await (const [key] of reader.range(range)) keys += Buffer.from(key).toString();
  return keys;
}
