/** `pyralog devnet`: one command up, a file beside it, nothing left behind however it ends. */
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Workspace } from '../support/node-process.ts';

interface Devnet {
  readonly rpc: string;
  readonly pid: number;
  readonly networkId: string;
}

describe('devnet', function () {
  this.timeout(60_000);
  const workspace = new Workspace();
  const file = () => workspace.path('.pyralog', 'devnet.json');
  after(() => workspace.remove());

  const up = async () => {
    const running = workspace.launch(['devnet', 'up', '--port', '0', '--validators', '2']);
    await until(() => existsSync(file()) || running.child.exitCode !== null);
    return { ...running, devnet: JSON.parse(readFileSync(file(), 'utf8')) as Devnet };
  };

  it('serves the commands beside it, refuses a second one, and leaves nothing behind on SIGINT', async () => {
    const { child, exit, devnet } = await up();
    writeFileSync(workspace.path('a.txt'), 'a');
    assert.equal((await workspace.cli(['stamp', 'a.txt'])).code, 0);
    assert.equal((await workspace.cli(['verify', 'a.txt'])).code, 0);
    assert.equal((await workspace.cli(['devnet', 'status'])).code, 0);
    const second = await workspace.cli(['devnet', 'up', '--port', '0', '--validators', '2']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`process ${devnet.pid}`));

    child.kill('SIGINT');
    assert.equal((await exit).code, 0);
    assert.equal(existsSync(file()), false);
    await until(async () => !(await answers(devnet.rpc)));
    assert.equal((await workspace.cli(['verify', 'a.txt'])).code, 0);
  });

  it('keeps its network and its log over a restart, and stops on `devnet down`', async () => {
    const { exit, devnet } = await up();
    writeFileSync(workspace.path('b.txt'), 'b');
    const stamped = await workspace.json<{ files: { offset: number | string }[] }>([
      'stamp',
      'b.txt',
    ]);
    assert.equal(Number(stamped.files[0]?.offset), 1);
    assert.equal((await workspace.cli(['devnet', 'down'])).code, 0);
    assert.equal((await exit).code, 0);
    assert.equal(await answers(devnet.rpc), false);
  });

  it('takes its node along when it is killed', async () => {
    const { child, exit, devnet } = await up();
    assert.equal(await answers(devnet.rpc), true);
    child.kill('SIGKILL');
    await exit;
    await until(async () => !(await answers(devnet.rpc)));
  });

  it('leaves a stranger alone whose process number is in an old file', async () => {
    const old = {
      pyralog: 'devnet',
      version: 2,
      rpc: 'http://127.0.0.1:9',
      admin: 'http://127.0.0.1:9',
    };
    const rest = {
      ...{ pid: process.pid, networkId: 'devnet-00', origin: 'x', dataDir: 'x' },
      control: { url: 'http://127.0.0.1:9', token: 'x' },
      nodes: [],
      accounts: [],
    };
    writeFileSync(file(), JSON.stringify({ ...old, ...rest }));
    const down = await workspace.cli(['devnet', 'down']);
    assert.equal(down.code, 4);
    assert.match(down.stderr, /left alone/);
  });
});

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/livez`)).ok;
  } catch {
    return false; // nobody listens there any more
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'waited for half a minute');
    await new Promise((done) => setTimeout(done, 20));
  }
}
