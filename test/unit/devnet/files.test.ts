import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinDevnet, writeDevnetFile } from '../../../devnet/files.ts';
import { devnetPaths, findDevnet, readDevnetFile } from '../../../devnet/index.ts';
import { createKey, nodePolicy } from '../../../node/index.ts';
import { parseTrustStore } from '../../../receipt/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

const FILE = {
  rpc: 'http://127.0.0.1:1',
  admin: 'http://127.0.0.1:2',
  pid: process.pid,
  networkId: 'devnet-0011223344556677',
  origin: 'pyralog/devnet-0011223344556677/local/notary/0',
  dataDir: 'd',
};

describe('files of a devnet', () => {
  const dir = tempDir();
  const paths = () => devnetPaths(join(dir(), '.pyralog'));

  it('are found from below, while its process lives', () => {
    mkdirSync(join(dir(), '.pyralog'));
    mkdirSync(join(dir(), 'a/b'), { recursive: true });
    writeDevnetFile(paths(), FILE);
    assert.deepEqual(findDevnet(join(dir(), 'a/b')), FILE);
    // Beyond the largest process id of any supported system.
    writeDevnetFile(paths(), { ...FILE, pid: 2 ** 30 });
    assert.equal(findDevnet(join(dir(), 'a/b')), undefined);
  });

  it('of somebody else are refused', () => {
    mkdirSync(join(dir(), '.pyralog'));
    writeFileSync(paths().devnet, '{}');
    assert.throws(() => readDevnetFile(paths().devnet), { code: 'devnet/bad-file' });
  });

  it('pin its keys and leave what else is pinned', () => {
    const names = { name: 'devnet', cluster: 'local', node: 'node-0', log: 'notary' };
    const policy = (id: string) =>
      nodePolicy(id, names, createKey('cosigning', 'n', new Uint8Array(32).fill(1)).publicKey);
    pinDevnet(paths(), policy('devnet-0000000000000000'));
    pinDevnet(paths(), policy('devnet-1111111111111111'));
    pinDevnet(paths(), policy('devnet-1111111111111111'));
    const store = parseTrustStore(readFileSync(paths().trust, 'utf8'));
    assert.equal(store.ok && store.value.policies.length, 2);
  });
});
