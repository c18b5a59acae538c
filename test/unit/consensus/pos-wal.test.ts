import { strict as assert } from 'node:assert';
import { crc32c } from '../../../consensus/pos/crc32c.ts';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { WAL_FILE, Wal } from '../../../consensus/pos/wal.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

describe('pos: log of the engine (P21)', () => {
  const random = seededRandom(7);
  const open = (disk: MemoryPosDisk, head = 0) => Wal.open({ disk, random }, head);

  async function filled(): Promise<MemoryPosDisk> {
    const disk = new MemoryPosDisk({ random });
    const { wal } = await open(disk);
    wal.start(1);
    wal.appendCore(1, bytes('one'));
    await wal.flush();
    wal.appendCore(1, bytes('two'));
    wal.appendBody(1, { round: 3, own: true, bytes: bytes('block') });
    await wal.flush();
    wal.start(2);
    wal.appendCore(2, bytes('three'));
    await wal.flush();
    return disk;
  }

  it('computes CRC-32C', () => {
    assert.equal(crc32c(bytes('123456789')), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(bytes('56789'), crc32c(bytes('1234'))), 0xe3069283);
  });

  it('gives back what was synced, by height, above the head', async () => {
    const { heights, cutBytes } = await open((await filled()).crash());
    assert.equal(cutBytes, 0);
    assert.deepEqual(heights.get(1)?.entries, [bytes('one'), bytes('two')]);
    assert.deepEqual(heights.get(1)?.bodies, [{ round: 3, own: true, bytes: bytes('block') }]);
    assert.deepEqual(heights.get(2)?.entries, [bytes('three')]);
    assert.deepEqual([...(await open(await filled(), 1)).heights.keys()], [2]);
  });

  it('cuts a torn tail at every length, and goes on behind it', async () => {
    const whole = (await filled()).bytesOf(WAL_FILE) ?? new Uint8Array();
    const lastFrame = Buffer.from(whole).lastIndexOf('PYRB');
    for (let size = lastFrame; size < whole.length; size++) {
      const disk = new MemoryPosDisk({ random });
      disk.put(WAL_FILE, whole.slice(0, size));
      const { wal, heights, cutBytes } = await open(disk);
      assert.equal(cutBytes, size - lastFrame);
      assert.equal(heights.has(2), false);
      wal.appendCore(2, bytes('again'));
      await wal.flush();
      assert.deepEqual((await open(disk)).heights.get(2)?.entries, [bytes('again')]);
    }
  });

  it('refuses damage before a frame that was written later, and changes nothing', async () => {
    const whole = (await filled()).bytesOf(WAL_FILE) ?? new Uint8Array();
    const lastFrame = Buffer.from(whole).lastIndexOf('PYRB');
    for (let at = 0; at < lastFrame; at++) {
      const disk = new MemoryPosDisk({ random });
      const bad = whole.slice();
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      disk.put(WAL_FILE, bad);
      await assert.rejects(open(disk), { code: 'consensus/log-damaged' }, `byte ${at}`);
      assert.deepEqual(disk.bytesOf(WAL_FILE), bad);
    }
  });

  it('does not take a frame inside a block for one of its own', async () => {
    const disk = new MemoryPosDisk({ random });
    const { wal } = await open(disk);
    const other = (await filled()).bytesOf(WAL_FILE) ?? new Uint8Array();
    wal.appendBody(1, { round: 0, own: false, bytes: other });
    await wal.flush();
    const whole = disk.bytesOf(WAL_FILE) ?? new Uint8Array();
    disk.put(WAL_FILE, whole.slice(0, -1));
    assert.equal((await open(disk)).heights.size, 0);
  });

  it('shares one sync among what waits', async () => {
    let syncs = 0;
    const before = (step: string) => {
      if (step === 'sync') syncs++;
    };
    const { wal } = await open(new MemoryPosDisk({ random, before }));
    for (let i = 0; i < 10; i++) wal.appendCore(1, bytes(`${i}`));
    await Promise.all([wal.flush(), wal.flush()]);
    assert.equal(syncs, 1);
    assert.equal(wal.dirty, false);
  });

  it('begins anew when it is long and nothing in it is of a later height', async () => {
    const disk = new MemoryPosDisk({ random });
    const { wal } = await open(disk);
    const big = new Uint8Array(6 * 1024 * 1024);
    const sizes: number[] = [];
    for (let height = 1; height <= 5; height++) {
      wal.start(height);
      wal.appendBody(height, { round: 0, own: false, bytes: big });
      await wal.flush();
      sizes.push(disk.bytesOf(WAL_FILE)?.length ?? 0);
    }
    assert.ok((sizes[3] ?? 0) < (sizes[2] ?? 0), `${sizes}`);
    assert.deepEqual([...(await open(disk, 3)).heights.keys()], [4, 5]);
  });

  it('fails for good when the disk does', async () => {
    let failing = false;
    const before = () => {
      if (failing) throw new Error('EIO');
    };
    const { wal } = await open(new MemoryPosDisk({ random, before }));
    failing = true;
    wal.appendCore(1, bytes('x'));
    await assert.rejects(wal.flush(), /EIO/);
    failing = false;
    await assert.rejects(wal.flush(), /EIO/);
  });
});
