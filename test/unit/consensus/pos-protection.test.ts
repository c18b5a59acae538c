import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import {
  createProtection,
  PROTECTION_FILE,
  Protection,
  type SignRecord,
} from '../../../consensus/pos/protection.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';

const owner = { network: 'test', key: new Uint8Array(32).fill(9) };
const id = (n: number) => new Uint8Array(32).fill(n);

function record(height: number, round: number, step: 0 | 1 | 2, value?: number): SignRecord {
  const block = value === undefined ? undefined : id(value);
  return { purpose: 'vote', height, round, step, id: block, polRound: undefined };
}

describe('pos: slashing protection (P24, P26)', () => {
  const random = seededRandom(3);
  const make = async (before: () => void = () => {}) => {
    const disk = new MemoryPosDisk({ random, before });
    await createProtection({ disk, random }, { ...owner, newValidator: true });
    return disk;
  };
  const open = (disk: MemoryPosDisk) => Protection.open({ disk, random }, owner);

  it('is not made by opening, and never made over another', async () => {
    const disk = new MemoryPosDisk({ random });
    await assert.rejects(open(disk), { code: 'consensus/protection-missing' });
    const made = await make();
    await assert.rejects(
      createProtection({ disk: made, random }, { ...owner, newValidator: true }),
      { code: 'consensus/protection-exists' },
    );
  });

  it('is of one key and network', async () => {
    const disk = await make();
    for (const other of [{ network: 'main' }, { key: id(1) }]) {
      await assert.rejects(Protection.open({ disk, random }, { ...owner, ...other }), {
        code: 'consensus/protection-foreign',
      });
    }
  });

  it('lets sign once what is higher, and the very same again', async () => {
    const protection = await open(await make());
    assert.equal(await protection.admit(record(5, 1, 1, 7)), 'recorded');
    assert.equal(await protection.admit(record(5, 1, 1, 7)), 'again');
    assert.equal(await protection.admit(record(5, 1, 1, 8)), 'conflict');
    assert.equal(await protection.admit(record(5, 1, 1)), 'conflict');
    assert.equal(await protection.admit({ ...record(5, 1, 1, 7), polRound: 0 }), 'conflict');
    assert.equal(await protection.admit(record(5, 1, 0, 7)), 'lower');
    assert.equal(await protection.admit(record(5, 0, 2, 7)), 'lower');
    assert.equal(await protection.admit(record(4, 9, 2, 7)), 'lower');
    assert.equal(await protection.admit(record(5, 1, 2, 7)), 'recorded');
    assert.equal(await protection.admit(record(6, 0, 0, 7)), 'recorded');
  });

  it('has synced a record before it says so, whatever the disk loses then', async () => {
    const steps = fc.tuple(fc.nat(3), fc.nat(2), fc.constantFrom(0, 1, 2), fc.nat(2));
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async (asked) => {
        let disk = await make();
        const signed = new Map<string, number>();
        for (const [height, round, step, value] of asked) {
          const protection = await open(disk);
          const wanted = record(height, round, step as 0 | 1 | 2, value);
          const admission = await protection.admit(wanted);
          const place = `${height}/${round}/${step}`;
          if (admission === 'recorded' || admission === 'again') {
            assert.equal(signed.get(place) ?? value, value);
            signed.set(place, value);
          }
          disk = disk.crash();
        }
      }),
      { numRuns: 50, seed: 5 },
    );
  });

  it('knows what it holds, and what it cannot know', async () => {
    const disk = await make();
    const protection = await open(disk);
    await protection.admit(record(5, 0, 2, 1));
    assert.equal(protection.holds(record(5, 0, 2, 1)), true);
    assert.equal(protection.holds(record(5, 0, 2, 2)), false);
    assert.equal(protection.holds(record(4, 0, 2, 1)), false);
    assert.equal((await open(disk)).holds(record(5, 0, 2, 1)), true);
  });

  it('stays behind once it was marked', async () => {
    const disk = await make();
    await (await open(disk)).markBehind();
    assert.equal((await open(disk.crash())).behind, true);
  });

  it('shrinks, and forgets only what is far below', async () => {
    const disk = await make();
    const protection = await open(disk);
    let greatest = 0;
    for (let height = 1; height <= 2_000; height++) {
      for (const step of [1, 2] as const) {
        assert.equal(await protection.admit(record(height, 0, step, 1)), 'recorded');
      }
      greatest = Math.max(greatest, disk.bytesOf(PROTECTION_FILE)?.length ?? 0);
    }
    assert.ok(greatest < 300_000);
    assert.ok((disk.bytesOf(PROTECTION_FILE)?.length ?? 0) < greatest);
    const again = await open(disk.crash());
    assert.ok(again.floor > 0);
    assert.equal(again.holds(record(again.floor - 1, 0, 1, 2)), undefined);
    assert.equal(again.holds(record(1_999, 0, 1, 1)), true);
    assert.equal(await again.admit(record(1, 0, 1, 1)), 'lower');
    assert.equal(await again.admit(record(2_000, 0, 2, 2)), 'conflict');
  }).timeout(60_000);

  it('says that the disk failed, and signs nothing more', async () => {
    let failing = false;
    const disk = await make(() => {
      if (failing) throw new Error('ENOSPC');
    });
    const protection = await open(disk);
    failing = true;
    await assert.rejects(protection.admit(record(1, 0, 1, 1)), /ENOSPC/);
    failing = false;
    await assert.rejects(protection.admit(record(2, 0, 1, 1)), /ENOSPC/);
  });

  it('refuses a database that is damaged within', async () => {
    const disk = await make();
    const protection = await open(disk);
    for (let height = 1; height <= 3; height++) await protection.admit(record(height, 0, 1, 1));
    const bad = disk.bytesOf(PROTECTION_FILE) ?? new Uint8Array();
    bad[60] = (bad[60] ?? 0) ^ 1;
    disk.put(PROTECTION_FILE, bad);
    await assert.rejects(open(disk), { code: 'consensus/log-damaged' });
  });
});
