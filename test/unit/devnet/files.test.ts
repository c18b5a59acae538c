import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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
  control: { url: 'http://127.0.0.1:3', token: 't' },
  nodes: [
    {
      name: 'node-0',
      rpc: 'http://127.0.0.1:1',
      admin: 'http://127.0.0.1:2',
      origin: 'pyralog/devnet-0011223344556677/local/notary/0',
      dataDir: 'd',
      logFile: 'd/node.log',
      p2p: '/ip4/127.0.0.1/tcp/4/p2p/x',
    },
  ],
  accounts: [],
};

const chain = (network: string) => ({
  network,
  height: 0,
  validators: [
    {
      name: 'node-0',
      key: createKey('vote', 'n', new Uint8Array(32).fill(2)).publicKey,
      power: 1n,
    },
  ],
  maxDelayMs: 2_000,
  precisionMs: 500,
});

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

  it('hold the token of its control port, and so are for their owner alone', () => {
    mkdirSync(join(dir(), '.pyralog'));
    writeDevnetFile(paths(), FILE);
    assert.equal(statSync(paths().devnet).mode & 0o777, 0o600);
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
    pinDevnet(paths(), [policy('devnet-0000000000000000')], chain('devnet-0000000000000000'));
    pinDevnet(paths(), [policy('devnet-1111111111111111')], chain('devnet-1111111111111111'));
    pinDevnet(paths(), [policy('devnet-1111111111111111')], chain('devnet-1111111111111111'));
    const store = parseTrustStore(readFileSync(paths().trust, 'utf8'));
    assert.equal(store.ok && store.value.policies.length, 2);
    assert.equal(store.ok && store.value.chains?.length, 2);
  });
});
