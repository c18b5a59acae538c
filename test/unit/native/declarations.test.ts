import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
// @ts-expect-error plain JavaScript: the bootstrap runs it before anything is installed
import { declarations } from '../../../native/build.mjs';

const read = (path: string) =>
  readFileSync(new URL(`../../../native/${path}`, import.meta.url), 'utf8');

describe('native/pyralog.d.ts', () => {
  it('is what the binding declares', () => {
    const generated = declarations(read('target/type-definitions/pyralog-node'));
    assert.equal(read('pyralog.d.ts'), generated, 'run npm run build:native and commit the file');
  });

  it('is made of functions and interfaces only', () => {
    const line = JSON.stringify({ kind: 'fn', name: 'f', def: 'function f(): void', js_doc: '' });
    assert.ok(declarations(line).endsWith('export declare function f(): void;\n'));
    assert.throws(
      () => declarations(JSON.stringify({ kind: 'struct', name: 'S', def: '' })),
      /struct/,
    );
  });
});
