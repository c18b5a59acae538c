/** The simulated network: production hosts on virtual time under faults (docs/spec/sim.md). */
import { strict as assert } from 'node:assert';
import { type SimReport, simulate } from '../../devnet/sim/simulate.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const RUNS = Number(process.env['RUNS'] ?? 10);

function assertHeld({ seed, violations, tail }: SimReport): void {
  const found = violations.map(({ rule, message }) => `${rule}: ${message}`);
  assert.deepEqual(found, [], `npm run sim -- --seed ${seed}\n${tail.join('\n')}`);
}

describe('network simulation', () => {
  it(`keeps every rule under faults (seeds ${SEED} to ${SEED + RUNS - 1})`, async () => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) assertHeld(await simulate({ seed }));
  });

  it('gives the same run for the same seed, however often the event loop turns between events (Q1)', async () => {
    const [one, again, slow] = [
      await simulate({ seed: SEED }),
      await simulate({ seed: SEED }),
      await simulate({ seed: SEED, turns: 5 }),
    ];
    assert.equal(again.hash, one.hash);
    assert.equal(slow.hash, one.hash);
    assert.notEqual((await simulate({ seed: SEED + 1 })).hash, one.hash);
  });
});
