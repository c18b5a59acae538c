/** However a devnet's own process ends, no process of a node is left; a port that somebody took does not end it. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { startDevnet } from '../../devnet/index.ts';
import { Workspace } from '../support/node-process.ts';
import { until } from '../support/until.ts';

/** Processes whose command line names the directory: the nodes, which are given their data directories. */
function processesOf(dir: string): string[] {
  const all = execFileSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' });
  return all.split('\n').filter((line) => line.includes(`"dataDir":"${dir}`));
}

describe('the end of a devnet', function () {
  this.timeout(60_000);
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());
  const up = ['devnet', 'up', '--port', '0', '--validators', '2'];

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`by ${signal} while its nodes start leaves none behind`, async () => {
      const { child, exit } = workspace.launch(up);
      await until(() => processesOf(workspace.dir).length === 2 || child.exitCode !== null);
      assert.equal(existsSync(workspace.path('.pyralog', 'devnet.json')), false);
      child.kill(signal);
      const { code, stderr } = await exit;
      assert.deepEqual(processesOf(workspace.dir), []);
      assert.equal(code, 130, stderr);
      assert.match(stderr, /interrupted/);
      assert.equal(existsSync(workspace.path('.pyralog', 'devnet.json')), false);
    });
  }

  // Elsewhere the system has no such service, and a paused node goes on waiting.
  if (process.platform === 'linux') {
    it('by SIGKILL takes a paused node with it', async () => {
      const { child, exit } = workspace.launch(up);
      const file = workspace.path('.pyralog', 'devnet.json');
      await until(() => existsSync(file) || child.exitCode !== null);
      const paused = await workspace.cli(['devnet', 'fault', 'pause', 'node-1']);
      assert.equal(paused.code, 0, paused.stderr);
      child.kill('SIGKILL');
      await exit;
      await until(() => processesOf(workspace.dir).length === 0);
    });
  }

  it('does not come from a port that somebody took between the look and the start', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const given: (readonly number[])[] = [];
    const freePorts = async (count: number) => {
      const ports = Array.from({ length: count }, () => (given.length === 0 ? taken : 0));
      given.push(ports);
      return ports;
    };
    try {
      const devnet = await startDevnet(
        {
          root: workspace.dir,
          fresh: false,
          validators: 1,
          port: 0,
          settings: {},
          signal: new AbortController().signal,
          onFailure: (name, code) => assert.fail(`${name} ended: ${code}`),
        },
        freePorts,
      );
      assert.deepEqual(given, [[taken], [0]]);
      devnet.stop();
      await devnet.stopped;
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  });
});
