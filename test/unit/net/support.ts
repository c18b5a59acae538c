import { strict as assert } from 'node:assert';
import type { SimClock } from '../../../devnet/sim/clock.ts';
import { turns } from '../../support/until.ts';

/** Moves virtual time, letting promises settle in between, until the condition holds. */
export async function drive(clock: SimClock, condition: () => boolean): Promise<void> {
  for (let steps = 0; ; steps++) {
    await turns(1);
    if (condition()) return;
    assert.ok(steps < 100_000, 'the condition is not reached');
    assert.ok(clock.advance(), 'nothing is left to happen, and the condition does not hold');
  }
}

/** Lets this much virtual time pass. */
export async function pass(clock: SimClock, ms: number): Promise<void> {
  let over = false;
  clock.schedule(clock.monotonic() + ms, () => {
    over = true;
  });
  await drive(clock, () => over);
}
