/** Orders to a running devnet that cannot be carried out leave it as it was. */
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { callNode } from '../../devnet/admin-call.ts';
import { readDevnetFile } from '../../devnet/index.ts';
import { dataDirPaths, readAdminToken } from '../../node/index.ts';
import { Workspace } from '../support/node-process.ts';
import { until } from '../support/until.ts';

interface Status {
  readonly nodes: readonly { readonly name: string; readonly answers: boolean }[];
}

describe('orders to a devnet', function () {
  this.timeout(60_000);
  const workspace = new Workspace();
  after(() => workspace.remove());

  before(async () => {
    const { child } = workspace.launch(['devnet', 'up', '--port', '0', '--validators', '2']);
    const file = workspace.path('.pyralog', 'devnet.json');
    await until(() => existsSync(file) || child.exitCode !== null);
  });

  const answering = async () => {
    const { nodes } = await workspace.json<Status>(['devnet', 'status']);
    return nodes.filter(({ answers }) => answers).map(({ name }) => name);
  };

  it('refuses a dump that cannot be written, and all nodes go on', async () => {
    writeFileSync(workspace.path('file'), '');
    for (const target of ['file', join('file', 'x'), join('.pyralog', 'devnet', 'inside')]) {
      const { code, stderr } = await workspace.cli(['devnet', 'dump', target]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /no directory|cannot be made|inside the data/);
    }
    assert.equal(existsSync(workspace.path('.pyralog', 'devnet', 'inside')), false);
    assert.deepEqual(await answering(), ['node-0', 'node-1']);
  });

  it('takes a node that is named twice as one, and leaves those that were killed out of a dump', async () => {
    assert.equal((await workspace.cli(['devnet', 'fault', 'kill', 'node-1', 'node-1'])).code, 0);
    // Orders that come together are carried out one after the other.
    const dumps = ['copy', 'copy2'].map((to) => workspace.cli(['devnet', 'dump', to]));
    for (const dumped of await Promise.all(dumps)) assert.equal(dumped.code, 0, dumped.stderr);
    assert.ok(readFileSync(workspace.path('copy', 'genesis.json'), 'utf8').length > 0);
    assert.deepEqual(await answering(), ['node-0']);
    const restarted = await workspace.cli(['devnet', 'fault', 'restart', 'node-1', 'node-1']);
    assert.equal(restarted.code, 0, restarted.stderr);
    assert.deepEqual(await answering(), ['node-0', 'node-1']);
  });

  it('says what a paused node cannot hear', async () => {
    assert.equal((await workspace.cli(['devnet', 'fault', 'pause', 'node-1'])).code, 0);
    const delayed = await workspace.cli(['devnet', 'fault', 'delay', '5', 'node-1']);
    assert.equal(delayed.code, 1);
    assert.match(delayed.stderr, /node-1 is paused/);
    assert.equal((await workspace.cli(['devnet', 'fault', 'resume', 'node-1'])).code, 0);
  });

  it('heals a paused node when it is resumed, and says so', async () => {
    const order = (...args: string[]) => workspace.cli(['devnet', 'fault', ...args]);
    const faults = async (name: string) => {
      const file = readDevnetFile(workspace.path('.pyralog', 'devnet.json'));
      const node = file?.nodes.find((one) => one.name === name) ?? assert.fail(name);
      const token = readAdminToken(dataDirPaths(node.dataDir));
      const params = { action: 'show' };
      const outcome = await callNode(node.admin, { method: 'net_fault', params, token });
      if (outcome?.ok !== true) return [outcome?.message ?? 'silent'];
      const shown = outcome.result as { partitions: unknown[]; delayMs: number };
      return [shown.partitions.length > 0, shown.delayMs];
    };
    assert.equal((await order('partition', 'node-1')).code, 0);
    assert.equal((await order('delay', '7', 'node-1')).code, 0);
    assert.deepEqual(await faults('node-1'), [true, 7]);
    assert.equal((await order('pause', 'node-1')).code, 0);
    const healed = await order('heal');
    assert.match(healed.stdout, /heal: all nodes; node-1, paused, when resumed/);
    assert.deepEqual(await faults('node-0'), [false, 0]);
    assert.equal((await order('resume', 'node-1')).code, 0);
    assert.deepEqual(await faults('node-1'), [false, 0]);
  });

  it('says where a devnet has no place', async () => {
    const { code, stderr } = await workspace.cli(['devnet', 'up', '--dir', 'file']);
    assert.equal(code, 1);
    assert.match(stderr, /no place for a devnet/);
  });
});
