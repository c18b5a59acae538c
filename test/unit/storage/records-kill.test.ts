import { strict as assert } from 'node:assert';
import { openCore } from '../../../native/index.ts';
import { createRecordStore, openNativeLogStore } from '../../../storage/index.ts';
import { killedVictim } from '../../support/killed-victim.ts';
import { noise, openPayloadParts } from '../../support/payload-parts.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { options } from '../native/support.ts';

/** Lets the victim acknowledge so many records, then kills it; returns offset and seed of each. */
async function load(dir: string, round: number, kind: string, lines: number): Promise<number[][]> {
  const victim = new URL('./records-victim.ts', import.meta.url);
  const whole = await killedVictim(victim, [dir, `${round}`, kind], lines);
  return whole.map((line) => line.split(' ').map(Number));
}

/** Acknowledged records whose payload is not there as it was; and whether the store still works. */
async function lost(dir: string, told: readonly number[][]): Promise<number> {
  const core = await openCore(options(dir));
  const parts = await openPayloadParts(dir);
  const logStore = openNativeLogStore(core, options(dir).partitions);
  const records = createRecordStore({ log: core, logStore, ...parts });
  const isThere = async ([offset = -1, seed = 0]: readonly number[]) => {
    const row = logStore.read(0, offset, 0)[0];
    assert.ok(row !== undefined, `record ${offset} is gone`);
    const payload = await records.payload(row, { bytesMax: 1 << 20 }).catch(() => undefined);
    return payload !== undefined && noise(seed, 70_000 + (seed % 7) * 9_000).equals(payload);
  };
  try {
    // What a kill left between putting and proposing goes; what records refer to stays.
    await records.collect();
    const there = await Promise.all(told.map(isThere));
    // Also what was not acknowledged, but got into the log: the object came first.
    for (let offset = 0; there.every(Boolean) && offset < logStore.durableSize(0); offset++) {
      const row = logStore.read(0, offset, 0)[0];
      assert.ok(row !== undefined);
      await records.verify(row);
    }
    return there.filter((one) => !one).length;
  } finally {
    await records.close();
    await parts.close();
    await core.close();
  }
}

describe('record store killed under load, unsynced data lost', function () {
  this.timeout(60_000);
  const dir = tempDir();

  it('keeps the payload of every record in the log', async () => {
    const told: number[][] = [];
    for (let round = 0; round < 3; round++) {
      told.push(...(await load(dir(), round, '', 30)));
      assert.equal(await lost(dir(), told), 0);
    }
    assert.ok(told.length >= 90);
  });

  it('notices a store that proposes before its objects are durable', async () => {
    const told = await load(dir(), 0, 'mutant', 10);
    assert.equal(await lost(dir(), told), told.length);
  });
});
