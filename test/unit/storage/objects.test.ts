import { strict as assert } from 'node:assert';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { blake3Hash } from '../../../native/index.ts';
import {
  decodeFileReference,
  decodeObjectReference,
  type FileFormatName,
  type ObjectStore,
  openObjects,
  readFileReference,
  referToFile,
  verifyFile,
} from '../../../storage/index.ts';
import { noise } from '../../support/payload-parts.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('objects', () => {
  const place = tempDir();
  const dir = () => join(place(), 'objects');
  let store: ObjectStore;
  beforeEach(async () => {
    store = await openObjects(dir());
  });
  afterEach(() => store.close());

  it('returns what was put, whole and in parts, after a restart too', async () => {
    const payload = noise(1, 1_500_000);
    const { reference } = await store.put(payload);
    const { length, content } = decodeObjectReference(reference);
    assert.equal(length, payload.length);
    assert.deepEqual(Buffer.from(content), Buffer.from(blake3Hash(payload)));
    await store.close();
    store = await openObjects(dir());
    assert.ok(payload.equals(await store.get(reference)));
    const part = await store.read(reference, 700_000, 1_000);
    assert.ok(payload.subarray(700_000, 701_000).equals(part));
  });

  it('stores what is shared once', async () => {
    const payload = noise(2, 3_000_000);
    await store.put(payload);
    const { bytes } = store.stats();
    await store.put(Buffer.concat([Buffer.from('one byte more in front'), payload]));
    assert.ok(store.stats().bytes < bytes * 1.7);
  });

  it('collects what nothing refers to and nobody holds', async () => {
    const live = await store.put(noise(3, 100_000));
    const dead = await store.put(noise(4, 100_000));
    live.pin.release();
    const idOf = (reference: Uint8Array) => decodeObjectReference(reference).id;
    const sweep = () => store.sweep(store.beginCollection(), [idOf(live.reference)]);
    assert.equal((await sweep()).objects, 0, 'it is pinned');
    dead.pin.release();
    dead.pin.release();
    const swept = await sweep();
    assert.equal(swept.objects, 1);
    assert.ok(swept.bytes > 100_000);
    await assert.rejects(store.get(dead.reference), { code: 'object/missing' });
    assert.ok(noise(3, 100_000).equals(await store.get(live.reference)));
    await assert.rejects(store.sweep(1, [new Uint8Array(31)]), { code: 'object/malformed' });
    const enough = new Error('enough');
    await assert.rejects(store.sweep(9, [], { signal: AbortSignal.abort(enough) }), enough);
  });

  it('names what is damaged', async () => {
    const { reference } = await store.put(noise(5, 100_000));
    const { id } = decodeObjectReference(reference);
    assert.deepEqual(await store.verify([id]), []);
    const [pack = ''] = readdirSync(dir()).filter((name) => name.endsWith('.pack'));
    const bytes = readFileSync(join(dir(), pack));
    bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
    writeFileSync(join(dir(), pack), bytes);
    const hex = Buffer.from(id).toString('hex');
    await assert.rejects(store.get(reference), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'object/corrupt');
      return error.message.includes(hex);
    });
    const [damage] = await store.verify([id]);
    assert.equal(damage?.id, hex);
  });

  it('has one opening, and ends when it is closed', async () => {
    await assert.rejects(openObjects(dir()), { code: 'storage/locked' });
    const { reference } = await store.put(Buffer.from('payload'));
    await store.close();
    await store.close();
    await assert.rejects(store.get(reference), { code: 'object/closed' });
    assert.throws(() => store.beginCollection(), { code: 'object/closed' });
  });

  it('refuses bytes that are no reference', async () => {
    const { reference } = await store.put(Buffer.from('payload'));
    const bad = [reference.subarray(1), Buffer.concat([reference, reference]), Buffer.alloc(80)];
    for (const bytes of bad) {
      await assert.rejects(store.get(bytes), { code: 'object/malformed' });
      assert.throws(() => decodeObjectReference(bytes), { code: 'object/malformed' });
    }
  });
});

describe('file references', () => {
  const place = tempDir();
  const root = () => join(place(), 'root');
  const refer = (path: string, format: FileFormatName = 'other') =>
    referToFile(root(), { path, format });
  beforeEach(() => {
    mkdirSync(join(root(), 'sub'), { recursive: true });
    writeFileSync(join(root(), 'sub', 'file'), 'content');
    writeFileSync(join(place(), 'secret'), 'secret');
  });

  it('names the file, and notices when it changes', async () => {
    const reference = await refer('sub/file');
    const { path, format, length, hash } = decodeFileReference(reference);
    assert.deepEqual({ path, format, length }, { path: 'sub/file', format: 'other', length: 7 });
    assert.deepEqual(Buffer.from(hash), Buffer.from(blake3Hash(Buffer.from('content'))));
    await verifyFile(root(), reference);
    assert.equal(Buffer.from(await readFileReference(root(), reference, 7)).toString(), 'content');
    await assert.rejects(readFileReference(root(), reference, 6), { code: 'object/malformed' });
    writeFileSync(join(root(), 'sub', 'file'), 'c0ntent');
    await assert.rejects(verifyFile(root(), reference), { code: 'object/changed' });
    await assert.rejects(readFileReference(root(), reference, 7), { code: 'object/changed' });
  });

  it('refuses paths that lead out of the root, and links', async () => {
    symlinkSync(join(place(), 'secret'), join(root(), 'link'));
    symlinkSync(place(), join(root(), 'out'));
    const attacks = ['../secret', 'sub/../../secret', '/etc/passwd', 'link', 'out/secret', '', '.'];
    const good = Buffer.from(await refer('sub/file'));
    for (const path of attacks) {
      await assert.rejects(refer(path), { code: 'object/path' }, path);
      const forged = Buffer.concat([good.subarray(0, 44), Buffer.from(path)]);
      forged.writeUInt16LE(path.length, 2);
      await assert.rejects(verifyFile(root(), forged), { code: 'object/path' }, path);
      await assert.rejects(readFileReference(root(), forged, 99), { code: 'object/path' }, path);
    }
  });

  it('believes no format that the file does not look like', async () => {
    for (const format of ['parquet', 'safetensors'] as const) {
      await assert.rejects(refer('sub/file', format), { code: 'object/format' });
    }
    await assert.rejects(refer('sub', 'zarr'), { code: 'object/format' });
    writeFileSync(join(root(), 'sub', 'zarr.json'), '{}');
    const zarr = await refer('sub', 'zarr');
    await verifyFile(root(), zarr);
    assert.equal(decodeFileReference(zarr).length, 9);
    writeFileSync(join(root(), 'sub', 'more'), '');
    await assert.rejects(verifyFile(root(), zarr), { code: 'object/changed' });
    const enough = new Error('enough');
    const signal = AbortSignal.abort(enough);
    await assert.rejects(verifyFile(root(), zarr, { signal }), enough);
  });

  it('reads references strictly', async () => {
    const good = Buffer.from(await refer('sub/file'));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(good);
        changed.writeUInt8(byte, at);
        try {
          const { path, length } = decodeFileReference(changed);
          assert.ok(path.length > 0 && Number.isSafeInteger(length));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'object/malformed');
        }
      }),
    );
    for (let length = 0; length < good.length; length++) {
      const cut = good.subarray(0, length);
      assert.throws(() => decodeFileReference(cut), { code: 'object/malformed' });
    }
  });
});
