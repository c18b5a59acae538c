/** A validator whose files are missing or damaged does not start, says why, and ends: it never hangs half started. */
import { strict as assert } from 'node:assert';
import { readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workspace } from '../support/node-process.ts';

describe('a damaged validator', function () {
  this.timeout(60_000);
  const workspace = new Workspace();
  after(() => workspace.remove());

  const cli = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await workspace.cli(args);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  };
  const data = (...path: readonly string[]) => workspace.path('node', 'pyralog-data', ...path);
  const start = () =>
    workspace.cli(['start', '--config', join('node', 'pyralog.yaml'), '--set', 'rpc.port=0']);

  const refuses = async (code: RegExp) => {
    const ended = await start();
    assert.equal(ended.code, 1, ended.stdout + ended.stderr);
    assert.match(ended.stdout + ended.stderr, code);
  };

  before(async () => {
    await cli(['init', 'node', '--validator', '--network', 'acme', '--name', 'node-0']);
    await cli(['genesis', 'new', 'draft.json', '--network', 'acme']);
    const line = join('node', 'validator', 'validator.json');
    await cli([
      'genesis',
      'add-validator',
      'draft.json',
      line,
      '--power',
      '1',
      '--balance',
      '1000000',
    ]);
    await cli(['genesis', 'finalize', 'draft.json', '--out', 'genesis.json']);
    await cli(['join', 'genesis.json', '--dir', 'node', '--new-validator']);
    const child = new Workspace(workspace.path('node'));
    const node = await child.start();
    assert.equal((await node.stop()).code, 0);
  });

  it('without its slashing protection (P26)', async () => {
    renameSync(data('consensus', 'protection.db'), workspace.path('aside'));
    await refuses(/protection\.db is missing/);
    renameSync(workspace.path('aside'), data('consensus', 'protection.db'));
  });

  it('with a slashing protection that lost its beginning', async () => {
    renameSync(data('consensus', 'protection.db'), workspace.path('aside'));
    writeFileSync(data('consensus', 'protection.db'), '');
    await refuses(/protection\.db/);
    rmSync(data('consensus', 'protection.db'));
    renameSync(workspace.path('aside'), data('consensus', 'protection.db'));
  });

  it('with a chain whose store was cut', async () => {
    for (const name of readdirSync(data('chain'))) {
      if (name.startsWith('MANIFEST')) truncateSync(data('chain', name), 0);
    }
    await refuses(/key-value store|chain\/store-damaged/);
  });
});
