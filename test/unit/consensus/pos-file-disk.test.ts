import { strict as assert } from 'node:assert';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPosDisk } from '../../../consensus/pos/file-disk.ts';
import { Wal } from '../../../consensus/pos/wal.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

describe('pos: files', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pyralog-pos-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('append, cut and read, and are there when opened again', async () => {
    const disk = await openPosDisk(join(directory, 'consensus'));
    assert.equal(await disk.open('a'), undefined);
    const file = await disk.replace('a', bytes('one'));
    await file.append(bytes(' two'));
    await file.append(new Uint8Array(100_000).fill(7));
    await file.truncate(7);
    await file.append(bytes(' three'));
    await file.sync();
    assert.deepEqual(await file.read(), bytes('one two three'));
    await file.close();
    const again = await disk.open('a');
    assert.deepEqual(await again?.read(), bytes('one two three'));
    await again?.close();
  });

  it('are replaced as a whole', async () => {
    const disk = await openPosDisk(directory);
    await (await disk.replace('a', bytes('a long first text'))).close();
    const file = await disk.replace('a', bytes('short'));
    await file.append(bytes('er'));
    assert.deepEqual(await file.read(), bytes('shorter'));
    await file.close();
    assert.deepEqual(await readdir(directory), ['a']);
  });

  it('carry the log of the engine (P21)', async () => {
    const disk = await openPosDisk(directory);
    const deps = { disk, random: () => 0.5 };
    const { wal } = await Wal.open(deps, 0);
    wal.appendCore(1, bytes('entry'));
    wal.appendBody(1, { round: 2, own: false, bytes: new Uint8Array(200_000).fill(3) });
    await wal.flush();
    await wal.close();
    const { heights, wal: again } = await Wal.open(deps, 0);
    assert.deepEqual(heights.get(1)?.entries, [bytes('entry')]);
    assert.equal(heights.get(1)?.bodies[0]?.bytes.length, 200_000);
    await again.close();
  });
});
