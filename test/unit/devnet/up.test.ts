import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PyralogError } from '../../../base/errors.ts';
import { devnetPaths } from '../../../devnet/files.ts';
import { loadDump } from '../../../devnet/orders.ts';
import { startDevnet } from '../../../devnet/up.ts';
import { lockProcess } from '../../../native/index.ts';

describe('devnet: before anything starts', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pyralog-devnet-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('touches nothing while another one starts or stops there', async () => {
    const paths = devnetPaths(root);
    mkdirSync(paths.nodes);
    const lock = lockProcess(paths.lock);
    assert.ok(lock !== undefined);
    const start = () =>
      startDevnet({
        root,
        fresh: true,
        validators: 1,
        settings: {},
        signal: AbortSignal.abort(new Error('far enough')),
        onFailure: () => {},
      });
    await assert.rejects(
      start(),
      (error) => error instanceof PyralogError && error.code === 'devnet/running',
    );
    assert.ok(existsSync(paths.nodes));
    lock.release();
    // And it gives its own lock back when it fails.
    for (let i = 0; i < 2; i++) await assert.rejects(start(), /far enough/u);
  });

  it('copies no dump that it could not start with', () => {
    const dump = join(root, 'dump');
    const paths = devnetPaths(join(root, 'net'));
    mkdirSync(dump);
    mkdirSync(paths.root);
    writeFileSync(join(dump, 'genesis.json'), 'garbage');
    assert.throws(() => loadDump(dump, paths), /no genesis .*devnet dump/u);
    assert.equal(existsSync(paths.nodes), false);
  });
});
