import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error plain JavaScript: the bootstrap runs it before anything is installed
import { bundledEntry, isBundleFresh, makeBundle } from '../../../bin/bundle.mjs';

const PACKAGES = 'hash of the packages';
const programs = { 'main.mjs': 'cli/main.ts' };

describe('the bundle', () => {
  let root: string;
  const write = (name: string, text: string) => writeFileSync(join(root, 'cli', name), text);
  const make = () => makeBundle({ root, packages: PACKAGES, programs });
  const entry = () => bundledEntry(root, 'main.mjs') ?? '';
  const run = () => execFileSync(process.execPath, [entry()], { encoding: 'utf8' });
  const parts = () => readdirSync(join(root, '.bundle')).filter((name) => name.startsWith('main-'));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pyralog-bundle-'));
    mkdirSync(join(root, 'cli'));
    mkdirSync(join(root, 'bin'));
    cpSync('bin/source-names.mjs', join(root, 'bin', 'source-names.mjs'));
    write('main.ts', "import { word } from './word.ts';\nconsole.log(word);\n");
    write('word.ts', "export const word: string = 'one';\n");
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('runs what the sources say, and is made again when one of them changed', async () => {
    equal(isBundleFresh(root, PACKAGES), false);
    equal(await make(), true);
    equal(isBundleFresh(root, PACKAGES), true);
    equal(run(), 'one\n');
    write('word.ts', "export const word: string = 'two';\n");
    equal(isBundleFresh(root, PACKAGES), false);
    await make();
    equal(isBundleFresh(root, PACKAGES), true);
    equal(run(), 'two\n');
  });

  it('is stale with other packages, and without a source it was made of', async () => {
    await make();
    equal(isBundleFresh(root, 'others'), false);
    rmSync(join(root, 'cli', 'word.ts'));
    equal(isBundleFresh(root, PACKAGES), false);
  });

  it('keeps the pieces of the build before, which may still run, and no older ones', async () => {
    await make();
    const first = parts();
    write('word.ts', "export const word: string = 'two';\n");
    await make();
    const second = parts();
    deepEqual(
      first.filter((name) => !second.includes(name)),
      [],
    );
    write('word.ts', "export const word: string = 'three';\n");
    await make();
    deepEqual(
      first.filter((name) => parts().includes(name)),
      [],
    );
    equal(
      second.some((name) => parts().includes(name)),
      true,
    );
  });

  it('names the source and its line in a stack trace', async () => {
    write('word.ts', "\n\nthrow new Error('broken');\nexport const word = 1;\n");
    await make();
    write(
      'main.ts',
      "try {\n  await import('./word.ts');\n} catch (error) {\n  console.log(error.stack);\n}\n",
    );
    await make();
    match(run(), /Error: broken\n {4}at .*cli\/word\.ts:3:7/);
  });

  it('leaves none behind when the sources cannot be bundled, so that they run themselves', async () => {
    await make();
    equal(existsSync(entry()), true);
    write('word.ts', 'export const word = ;\n');
    await rejects(make(), /word\.ts:1/);
    equal(bundledEntry(root, 'main.mjs'), undefined);
    equal(isBundleFresh(root, PACKAGES), false);
  });
});
