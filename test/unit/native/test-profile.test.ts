import { deepEqual, ok } from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error plain JavaScript: the bootstrap's folder of the native build
import { crateNames, testProfile } from '../../../native/test-profile.mjs';

const native = fileURLToPath(new URL('../../../native', import.meta.url));

describe('the profile of Rust tests', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pyralog-profile-'));
    cpSync(join(native, 'crates'), join(folder, 'crates'), {
      recursive: true,
      filter: (path) => !path.endsWith('.rs'),
    });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('checks assertions and overflows in every crate that has tests', () => {
    const [release, config, file] = testProfile(folder) as string[];
    deepEqual([release, config], ['--release', '--config']);
    const tables = readFileSync(file ?? '', 'utf8').split('\n\n');
    const checked = tables.filter(
      (table) =>
        table.includes('debug-assertions = true') && table.includes('overflow-checks = true'),
    );
    const names = checked.map((table) => /^\[profile\.release\.package\.(.+)\]$/m.exec(table)?.[1]);
    const untested = ['pyralog-node'];
    for (const name of crateNames(native) as string[])
      ok(names.includes(name) !== untested.includes(name), name);
  });

  it('names only packages that there are: cargo passes over others', () => {
    const [, , file] = testProfile(folder) as string[];
    const named = [...readFileSync(file ?? '', 'utf8').matchAll(/package\.(.+)\]/g)];
    const lock = readFileSync(join(native, 'Cargo.lock'), 'utf8');
    for (const [, name] of named) ok(lock.includes(`name = "${name}"\n`), name);
  });
});
