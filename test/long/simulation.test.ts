/** The native crash simulations with many more seeds than `npm test` takes. `SEED=… RUNS=…` replays. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../support/tidy.ts';

describe('native crash simulations, at length', function () {
  this.timeout(30 * 60_000);

  // Seeds and random cases that take minutes together: a life of a host is a hundred times one of a bare log.
  for (const [crate, runs, cases] of [
    ['pyralog-log', '60000', '20000'],
    ['pyralog-host', '400', '400'],
    ['pyralog-obelisk', '1', '20000'],
  ] as const)
    it(crate, () => {
      const env = {
        ...process.env,
        RUNS: process.env['RUNS'] ?? runs,
        PROPTEST_CASES: process.env['PROPTEST_CASES'] ?? cases,
      };
      const run = spawnSync('cargo', ['test', '--locked', '--release', '-p', crate], {
        cwd: join(root, 'native'),
        env,
        encoding: 'utf8',
      });
      assert.equal(run.status, 0, `${run.stdout.slice(-4_000)}\n${run.stderr.slice(-2_000)}`);
    });
});
