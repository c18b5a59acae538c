import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a stranger's program does with the package: every name it imports must be there, and work without this tree. */
const PROGRAM = `
import { createClient, RpcError } from 'pyralog/client';
import { decodeReceiptJson } from 'pyralog/receipt';
const client = createClient({ url: 'http://127.0.0.1:1', retry: { attemptsMax: 1 } });
const error = await client.status(1n).catch((error) => error);
if (!(error instanceof RpcError)) throw error;
const parsed = decodeReceiptJson(new TextEncoder().encode('{}'));
console.log(error.code, parsed.code);
`;

describe('the published package', () => {
  let dir = '';
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pyralog-pack-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('packs, unpacks and runs on plain Node', async function () {
    this.timeout(120_000);
    const source = join(dir, 'source');
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const out = join(source, 'dist');
    await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.dist.json'), '--outDir', out]);
    await cp(join(root, 'package.json'), join(source, 'package.json'));
    // The scripts would build into the working tree, which other tests read.
    await run('npm', ['pack', '--ignore-scripts', '--offline', '--silent'], { cwd: source });
    const packed = (await readdir(source)).find((name) => name.endsWith('.tgz'));
    assert.ok(packed !== undefined, 'npm pack made an archive');

    const modules = join(dir, 'app/node_modules');
    const installed = join(modules, 'pyralog');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', join(source, packed), '-C', installed, '--strip-components=1']);
    for (const name of ['@noble', 'cborg', 'typebox']) {
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    const args = ['--input-type=module', '--eval', PROGRAM];
    const { stdout } = await run(process.execPath, args, { cwd: join(dir, 'app') });
    assert.equal(stdout.trim(), 'client/unreachable receipt/malformed');
  });
});
