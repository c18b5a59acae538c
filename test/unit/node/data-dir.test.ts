import { strict as assert } from 'node:assert';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDataDir, createGenesis, openDataDir, readAdminToken } from '../../../node/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

const nothing = async () => {};

describe('data directory', () => {
  const dir = tempDir();
  const root = () => join(dir(), 'data');
  const edit = (name: string, change: (text: string) => string) => {
    const path = join(root(), name);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  };

  it('opens as it was created (D1, D2)', async () => {
    const made = await createDataDir(root(), createGenesis('acme', 5), nothing);
    const opened = openDataDir(root());
    assert.equal(opened.networkId, made.networkId);
    assert.match(opened.networkId, /^acme-[0-9a-f]{16}$/);
    assert.equal(statSync(root()).mode & 0o777, 0o700);
    assert.match(readAdminToken(opened.paths), /^[0-9a-f]{64}$/);
  });

  it('of a newer version, of another network or unmarked is refused (D2, D3)', async () => {
    assert.throws(() => openDataDir(root()), { code: 'node/bad-data-dir' });
    await createDataDir(root(), createGenesis('acme', 5), nothing);
    edit('genesis.json', (text) => text.replace('"5"', '"6"'));
    assert.throws(() => openDataDir(root()), {
      code: 'node/bad-data-dir',
      message: /two networks/,
    });
    edit('node.json', (text) => text.replace('"version": 1', '"version": 2'));
    assert.throws(() => openDataDir(root()), { code: 'node/newer-data-dir' });
  });

  it('goes on where its creation was interrupted, with the same network (D4)', async () => {
    const fail = async () => {
      throw new Error('killed');
    };
    await assert.rejects(createDataDir(root(), createGenesis('acme', 5), fail), /killed/);
    const before = readFileSync(join(root(), 'genesis.json'), 'utf8');
    await createDataDir(root(), createGenesis('acme', 6), nothing);
    assert.equal(readFileSync(join(root(), 'genesis.json'), 'utf8'), before);
  });

  it('is not made among the files of somebody else (D4)', async () => {
    writeFileSync(join(dir(), 'letter.txt'), 'dear');
    const making = createDataDir(dir(), createGenesis('acme', 5), nothing);
    await assert.rejects(making, { code: 'node/not-empty', message: /letter\.txt/ });
  });

  it('that cannot be written is refused (D5)', async () => {
    await createDataDir(root(), createGenesis('acme', 5), nothing);
    rmSync(join(root(), 'genesis.json'));
    assert.throws(() => openDataDir(root()), { code: 'node/bad-data-dir', message: /genesis/ });
    writeFileSync(join(dir(), 'file'), '');
    const inFile = createDataDir(join(dir(), 'file', 'x'), createGenesis('acme', 5), nothing);
    await assert.rejects(inFile, { code: 'node/bad-data-dir', message: /cannot be written/ });
  });
});
