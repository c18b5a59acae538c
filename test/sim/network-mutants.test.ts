/** Every checker of the simulator finds what it is there for (docs/spec/sim.md Q17). */
import { strict as assert } from 'node:assert';
import { Worker } from 'node:worker_threads';
import { MUTANTS, type Mutant } from '../support/mutants/list.ts';

/** Seeds tried a mutant. */
const RUNS = 120;
const RULES = [
  'Q2',
  'Q3',
  'Q4',
  'Q5',
  'Q6',
  'Q7',
  'Q8',
  'Q9',
  'Q10',
  'Q11',
  'Q12',
  'Q13',
  'Q14',
  'Q15',
];

interface Outcome {
  readonly tried: number;
  readonly rules: readonly string[];
  readonly isApplied: boolean;
}

function run(mutant: Mutant): Promise<Outcome> {
  const worker = new Worker(new URL('../support/mutants/worker.ts', import.meta.url), {
    workerData: { mutant, seed: 1, runs: RUNS },
  });
  return new Promise<Outcome>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  }).finally(() => worker.terminate());
}

describe('network simulation: mutants of production code (Q17)', function () {
  this.timeout(180_000);

  it('there is one for every rule', () => {
    const killed = new Set(MUTANTS.map(({ rule }) => rule));
    assert.deepEqual(
      RULES.filter((rule) => !killed.has(rule)),
      [],
    );
  });

  for (const mutant of MUTANTS) {
    it(`${mutant.rule} finds: ${mutant.name}`, async () => {
      const { rules, tried, isApplied } = await run(mutant);
      assert.ok(isApplied, 'the simulation runs the code that was changed');
      assert.ok(
        rules.includes(mutant.rule),
        `${tried} seeds broke ${rules.join(', ') || 'nothing'}`,
      );
    });
  }
});
