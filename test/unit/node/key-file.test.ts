import { strict as assert } from 'node:assert';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { refuseDevnetKey } from '../../../node/devnet-keys.ts';
import {
  createKey,
  devnetKey,
  readKeyFile,
  readKeySummary,
  writeKeyFile,
} from '../../../node/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

const NAME = 'pyralog/devnet-0011223344556677/local/node-0';

describe('key files', () => {
  const dir = tempDir();
  const path = () => join(dir(), 'key.json');

  it('come back as they were written, for the owner alone (K1, K2)', async () => {
    const key = createKey('cosigning', NAME);
    await writeKeyFile(path(), key);
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    assert.deepEqual(await readKeyFile(path()), key);
    await assert.rejects(writeKeyFile(path(), key), /never replaced/);
  });

  it('derive public keys as the independent implementation does', () => {
    const seed = new Uint8Array(32).fill(5);
    assert.deepEqual(createKey('log', NAME, seed).publicKey, ed25519.getPublicKey(seed));
    assert.deepEqual(createKey('tunnel', NAME, seed).publicKey, x25519.getPublicKey(seed));
  });

  it('are refused when others may read them (K3)', async () => {
    await writeKeyFile(path(), createKey('cosigning', NAME));
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path(), mode);
      await assert.rejects(readKeyFile(path()), {
        code: 'node/bad-key',
        message: /others may read/,
      });
    }
  });

  it('under a passphrase need that one, and bind purpose and name (K5)', async () => {
    const key = createKey('cosigning', NAME);
    await writeKeyFile(path(), key, 'correct horse');
    assert.ok(!readFileSync(path(), 'utf8').includes(Buffer.from(key.seed).toString('hex')));
    assert.equal(readKeySummary(path()).encrypted, true);
    assert.deepEqual(await readKeyFile(path(), () => 'correct horse'), key);
    await assert.rejects(
      readKeyFile(path(), () => 'wrong'),
      { code: 'node/passphrase' },
    );
    await assert.rejects(readKeyFile(path()), { code: 'node/passphrase' });
    writeFileSync(path(), readFileSync(path(), 'utf8').replace('"cosigning"', '"vote"'));
    await assert.rejects(
      readKeyFile(path(), () => 'correct horse'),
      { code: 'node/passphrase' },
    );
  });

  it('are refused when malformed (K1, K4)', async () => {
    await writeKeyFile(path(), createKey('log', NAME));
    const text = readFileSync(path(), 'utf8');
    for (const bad of [
      '{}',
      'x',
      text.replace('"version": 1', '"version": 2'),
      text.replace('"log"', '"lock"'),
      text.replace('"seed": "', '"seed": "00'),
      text.replace('"name"', '"extra": 1, "name"'),
      text.replace(/"seed": "../, '"seed": "zz'),
      text.replace(/"publicKey": "[^"]*"/, `"publicKey": "${'11'.repeat(32)}"`),
    ]) {
      writeFileSync(path(), bad);
      await assert.rejects(readKeyFile(path()), { code: 'node/bad-key' }, bad);
    }
  });

  it('of a devnet are derived there and refused elsewhere (I5, K6)', async () => {
    const key = await devnetKey('devnet', { purpose: 'cosigning', name: NAME, number: 3 });
    const other = await devnetKey('devnet', { purpose: 'log', name: NAME, number: 3 });
    assert.notDeepEqual(key.seed, other.seed);
    await refuseDevnetKey('devnet-two', key);
    await assert.rejects(refuseDevnetKey('acme', key), { code: 'node/devnet-key' });
    const wrong = devnetKey('acme', { purpose: 'log', name: NAME, number: 0 });
    await assert.rejects(wrong, { code: 'node/devnet-key' });
    await refuseDevnetKey('acme', createKey('cosigning', NAME));
  });
});
