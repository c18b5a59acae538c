import { strict as assert } from 'node:assert';
import { methods } from '../../api/index.ts';
import {
  deadLinks,
  doubleRules,
  foldersWithoutReadme,
  leftovers,
  machinePaths,
  sourceFiles,
  uncitedRules,
  undocumented,
  withoutLicence,
} from '../support/tidy.ts';

describe('tidy', () => {
  const files = sourceFiles();
  const page = (path: string) => files.find((file) => file.path === path)?.text ?? '';

  it('has no leftovers', () => assert.deepEqual(leftovers(files), []));
  it('names no path of a machine', () => assert.deepEqual(machinePaths(files), []));
  it('has no dead link in its documents', () => assert.deepEqual(deadLinks(files), []));
  it('cites every rule of docs/spec in code', () => assert.deepEqual(uncitedRules(files), []));
  it('defines every rule once', () => assert.deepEqual(doubleRules(files), []));
  it('has a README of at most 40 lines in every top folder', () =>
    assert.deepEqual(foldersWithoutReadme(files), []));
  it('marks the Apache-2.0 folders', () => assert.deepEqual(withoutLicence(files), []));

  it('documents every RPC method', () =>
    assert.deepEqual(undocumented(Object.keys(methods), page('docs/spec/rpc.md')), []));

  it('describes every metric, and none that there is not', () => {
    const code = files.filter(({ path }) => /^(rpc|node|notary|base)\/.*\.ts$/.test(path));
    const names = (text: string) =>
      text.match(/\bpyralog_[a-z_]+_(?:seconds|bytes|total)\b/g) ?? [];
    const metrics = new Set(code.flatMap(({ text }) => names(text)));
    assert.ok(metrics.size > 5, 'finds metrics at all');
    assert.deepEqual(undocumented([...metrics], page('docs/OPERATIONS.md')), []);
    const unknown = names(page('docs/OPERATIONS.md')).filter((name) => !metrics.has(name));
    assert.deepEqual(unknown, [], 'documented and exported nowhere');
  });

  // Each checker must see what it is there for.
  it('goes red on each offence', () => {
    const bad = (path: string, text: string) => [{ path, text }];
    assert.equal(leftovers(bad('a.ts', `// ${'TO' + 'DO'} later`)).length, 1);
    assert.equal(machinePaths(bad('a.md', `see /${'ro' + 'ot'}/x`)).length, 1);
    assert.equal(deadLinks(bad('docs/a.md', '[x](nowhere.md)')).length, 1);
    assert.equal(uncitedRules(bad('docs/spec/a.md', '- **Q9** a rule')).length, 1);
    assert.equal(
      doubleRules([...bad('docs/spec/a.md', '- **Q9** x'), ...bad('docs/spec/b.md', '- **Q9** y')])
        .length,
      1,
    );
    assert.deepEqual(undocumented(['a_b'], 'nothing'), ['a_b']);
    assert.equal(foldersWithoutReadme(bad('lonely/a.ts', '')).length, 1);
    assert.equal(withoutLicence(bad('receipt/a.ts', 'const a = 1;')).length, 1);
  });
});
