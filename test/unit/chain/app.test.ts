import { strict as assert } from 'node:assert';
import { decodeBlock } from '../../../chain/index.ts';
import {
  accountOf,
  feeAccountOf,
  openTestChain,
  type TestChain,
  transfer,
} from '../../support/chain.ts';

describe('chain app', () => {
  let chain: TestChain;
  beforeEach(async () => {
    chain = await openTestChain();
  });
  afterEach(() => chain.end());

  it('builds, judges and commits blocks that others take too (X12)', async () => {
    const other = await openTestChain();
    const sent = await transfer(0, 0, accountOf(1), 5n);
    for (const list of [[sent.bytes], [], [(await transfer(0, 1, accountOf(50), 7n)).bytes]]) {
      const bytes = await chain.step(list, 2);
      const verdict = await other.app.validate(bytes);
      assert.ok(verdict.ok, JSON.stringify(verdict));
      assert.equal(verdict.proposer, 2);
      const evidence = chain.app.head()?.evidence ?? assert.fail();
      await other.app.commit(verdict.block.id, evidence);
      assert.deepEqual(other.app.head(), chain.app.head());
      assert.equal(decodeBlock(bytes).ok, true);
    }
    assert.equal(chain.app.head()?.height, 3);
    for (const { reader } of [chain, other]) {
      assert.deepEqual(await reader.account(accountOf(50)), { nonce: 0n, balance: 7n });
      assert.deepEqual(await reader.account(accountOf(0)), {
        nonce: 2n,
        balance: 1_000_000_000n - 2_000_000n - 12n,
      });
      assert.deepEqual(await reader.account(feeAccountOf(2)), { nonce: 0n, balance: 2_000_000n });
    }
    await other.end();
  });
});
