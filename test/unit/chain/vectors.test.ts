import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeTransaction, encodeTransaction, transactionId } from '../../../chain/index.ts';
import { commit, NETWORK, openTestChain } from '../../support/chain.ts';
import { bytesOf, CHAIN_JSON, chainText } from '../../vectors/chain.ts';

const text = readFileSync(CHAIN_JSON, 'utf8');
const vectors = JSON.parse(text) as {
  readonly network: string;
  readonly transactions: readonly { readonly id: string; readonly bytes: string }[];
  readonly refused: readonly { readonly why: string; readonly bytes: string }[];
  readonly blocks: readonly { readonly id: string; readonly bytes: string }[];
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('vectors of the chain', () => {
  it('are what this code makes', async () => assert.equal(await chainText(), text));

  it('are read: transactions of every kind, and what is none', () => {
    assert.equal(vectors.network, NETWORK);
    for (const { id, bytes } of vectors.transactions) {
      const decoded = decodeTransaction(bytesOf(bytes));
      assert.ok(decoded.ok);
      assert.equal(hex(encodeTransaction(decoded.value)), bytes);
      assert.equal(hex(transactionId(bytesOf(bytes))), id);
    }
    for (const { why, bytes } of vectors.refused) {
      assert.equal(decodeTransaction(bytesOf(bytes)).ok, false, why);
    }
  });

  it('are taken block by block', async () => {
    const chain = await openTestChain();
    for (const { id, bytes } of vectors.blocks) {
      const verdict = await chain.app.validate(bytesOf(bytes));
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
      assert.equal(hex(verdict.block.id), id);
      await commit(chain, verdict.block);
    }
    await chain.end();
  });

  it('are read by a program that shares nothing with this one', function () {
    if (spawnSync('python3', ['--version']).status !== 0) this.skip(); // needs python3
    const script = fileURLToPath(new URL('../../vectors/chain.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync('python3', ['-B', script], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /6 transactions and 4 blocks/);
  });
});
