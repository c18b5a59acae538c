import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { barred } from '../../../bench/bars.ts';

const program = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));

const FIELDS = 'bar,bench,cpuPerOp,floor,load,met,metric,peer,unit,value';

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Runs the bench as a user does; `watch` sees standard error as it comes. */
function run(args: readonly string[], watch: (stderr: string, pid: number) => void = () => {}) {
  return new Promise<Ended>((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      watch(stderr, child.pid ?? 0);
    });
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, lines: stdout.split('\n').filter((line) => line !== ''), stderr }),
    );
  });
}

describe('bench: quick runs', function () {
  // A fresh clone compiles the native bench first.
  this.timeout(600_000);
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pyralog-bench-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  for (const name of ['log', 'notary', 'state', 'consensus', 'store'] as const)
    it(`${name} prints every metric that has a bar, and leaves nothing behind`, async () => {
      const { code, lines, stderr } = await run([name, '--quick', '--json', '--dir', dir]);
      assert.equal(code, 0, stderr);
      const metrics = lines.map((line) => JSON.parse(line));
      for (const metric of metrics) {
        assert.equal(Object.keys(metric).sort().join(), FIELDS);
        assert.equal(metric.bench, name);
        assert.ok(Number.isFinite(metric.value) && metric.value >= 0, JSON.stringify(metric));
        assert.equal(metric.met === null, metric.bar === null);
      }
      const named = new Map(metrics.map((metric) => [metric.metric, metric]));
      for (const metric of barred(name))
        assert.ok(named.get(metric)?.value > 0, `${metric} is missing or zero`);
      assert.deepEqual(await readdir(dir), []);
    });

  it('stops at a signal and leaves nothing behind', async () => {
    let asked = false;
    const { code, stderr } = await run(['notary', '--json', '--dir', dir], (text, pid) => {
      if (asked || !text.includes('rest for')) return;
      asked = true;
      process.kill(pid, 'SIGINT');
    });
    assert.equal(code, 130, stderr);
    assert.deepEqual(await readdir(dir), []);
  });

  it('refuses a soak of no time', async () => {
    const { code, stderr } = await run(['store', '--soak', '0']);
    assert.equal(code, 2);
    assert.match(stderr, /--soak 0: name a number of minutes/);
  });

  it('refuses a name it does not know', async () => {
    const { code, stderr } = await run(['logs']);
    assert.equal(code, 2);
    assert.match(stderr, /no bench "logs"/);
  });
});
