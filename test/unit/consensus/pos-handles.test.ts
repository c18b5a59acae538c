import { strict as assert } from 'node:assert';
import { silentLogger } from '../../../base/log.ts';
import { createPosEngine } from '../../../consensus/index.ts';
import { encodeCbor } from '../../../consensus/pos/cbor.ts';
import type { PosFile } from '../../../consensus/pos/disk.ts';
import { FrameFile } from '../../../consensus/pos/frames.ts';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { POS_PRESETS } from '../../../consensus/pos/options.ts';
import { createProtection, PROTECTION_FILE } from '../../../consensus/pos/protection.ts';
import { WAL_FILE, Wal } from '../../../consensus/pos/wal.ts';
import { NoteApp } from './pos-app.ts';
import { NETWORK, validatorsOf, World } from './pos-world.ts';

const random = () => 0.5;

/** Knows which of its files somebody still holds. */
class WatchedDisk extends MemoryPosDisk {
  readonly held = new Set<string>();

  override async open(name: string): Promise<PosFile | undefined> {
    const file = await super.open(name);
    return file === undefined ? undefined : this.#watched(name, file);
  }

  override async replace(name: string, bytes: Uint8Array): Promise<PosFile> {
    return this.#watched(name, await super.replace(name, bytes));
  }

  #watched(name: string, file: PosFile): PosFile {
    this.held.add(name);
    const close = async () => {
      await file.close();
      this.held.delete(name);
    };
    return { ...file, close };
  }
}

describe('pos: a start that is refused holds no file', () => {
  const { infos, signers } = validatorsOf(4);
  const signer = signers[0] ?? assert.fail('there are four');
  const key = signer.publicKey;

  async function healthy(network = NETWORK): Promise<WatchedDisk> {
    const disk = new WatchedDisk({ random });
    await createProtection({ disk, random }, { network, key, newValidator: true });
    const { wal } = await Wal.open({ disk, random }, 0);
    wal.start(1);
    await wal.flush();
    await wal.close();
    assert.deepEqual([...disk.held], []);
    return disk;
  }

  async function refuses(disk: WatchedDisk, expected: object, app = new NoteApp(infos)) {
    const world = new World(4);
    const engine = createPosEngine(
      {
        network: world.net.join('n0', key),
        clock: world.clock,
        disk,
        random,
        signer,
        chain: { network: NETWORK, maxDelayMs: 500, precisionMs: 500 },
        log: silentLogger,
        onBug: (bug) => assert.fail(String(bug)),
      },
      POS_PRESETS.fast,
    );
    await assert.rejects(engine.start(app, new AbortController().signal), expected);
    assert.deepEqual([...disk.held], []);
  }

  async function holding(name: string, payload: Uint8Array): Promise<WatchedDisk> {
    const disk = await healthy();
    await (await FrameFile.create(disk, name, { salt: 1, payloads: [payload] })).close();
    return disk;
  }

  it('of another network', async () => {
    await refuses(await healthy('other'), { code: 'consensus/protection-foreign' });
  });

  it('damaged, log or protection', async () => {
    for (const file of [PROTECTION_FILE, WAL_FILE]) {
      const disk = await healthy();
      disk.put(file, Uint8Array.of(1, 2, 3));
      await refuses(disk, { code: 'consensus/log-damaged', data: { file, position: 0 } });
    }
  });

  it('written by a version that this one does not know', async () => {
    const protection = await holding(PROTECTION_FILE, encodeCbor([2]));
    await refuses(protection, { code: 'consensus/log-damaged', data: { file: PROTECTION_FILE } });
    const wal = await holding(WAL_FILE, new Uint8Array(13).fill(9));
    await refuses(wal, { code: 'consensus/log-damaged', data: { file: WAL_FILE } });
  });

  it('because the app cannot be asked', async () => {
    class Broken extends NoteApp {
      override validators(): never {
        throw new Error('no store');
      }
    }
    await refuses(await healthy(), { message: 'no store' }, new Broken(infos));
  });
});
