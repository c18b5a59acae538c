import assert from 'node:assert/strict';
import { silentLogger } from '../../../base/log.ts';
import { Driver } from '../../../consensus/pos/driver.ts';
import { Journal } from '../../../consensus/pos/journal.ts';
import type { Signing } from '../../../consensus/pos/signing.ts';
import type { Timers } from '../../../consensus/pos/timers.ts';
import type { Wal } from '../../../consensus/pos/wal.ts';
import type { BftCore, BftSign, BftStep } from '../../../native/index.ts';

const SIGN = { what: 'prevote', height: 2, round: 1 } as BftSign;

/** A core that logs an input and then asks for a signature; what happens around it is told in `told`. */
function driverUnderTest(told: string[]) {
  const core = {
    step: (): BftStep => ({
      effects: [{ kind: 'wal', height: 2, entry: Uint8Array.of(1) }],
      sign: SIGN,
    }),
    resume: (): BftStep => ({ effects: [] }),
  } as unknown as BftCore;
  let dirty = false;
  const wal = {
    get dirty() {
      return dirty;
    },
    appendCore: () => {
      dirty = true;
      told.push('log appended');
    },
    flush: async () => {
      told.push('log: sync begins');
      await new Promise((resolve) => setImmediate(resolve));
      dirty = false;
      told.push('log: synced');
    },
  } as unknown as Wal;
  const signing = {
    mute: undefined,
    sign: async () => {
      told.push('protection asked');
      return new Uint8Array(64);
    },
  } as unknown as Signing;
  const journal = new Journal(silentLogger, { wal, signing });
  const hooks = { signs: () => {} } as unknown as ConstructorParameters<typeof Driver>[0]['hooks'];
  return new Driver({ core, journal, signing, timers: {} as Timers, log: silentLogger, hooks });
}

describe('the driver of the core (P20, P24)', () => {
  it('has the log on the disk before the protection hears of a signature', async () => {
    const told: string[] = [];
    await driverUnderTest(told).feed({ kind: 'timeout' } as never);
    assert.deepEqual(told, ['log appended', 'log: sync begins', 'log: synced', 'protection asked']);
  });
});
