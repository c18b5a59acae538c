/** More transactions than a mempool holds (X19). */
import { strict as assert } from 'node:assert';
import { toHex } from '../../../base/bytes.ts';
import type { Outcome, RpcFailure } from '../../support/attack/devnet.ts';
import type { Scene } from '../../support/attack/scene.ts';
import { transfer } from './bodies.ts';

export function attacksByFlood(scene: Scene, mempoolMax: number): void {
  const Mib = 1024 * 1024;
  describe('by too many transactions', () => {
    it('answers a flood beyond the mempool with when to come back, in bounded memory, and still takes who pays', async () => {
      const before = await scene.devnet.metric('pyralog_node_resident_bytes');
      const refused: RpcFailure['data'][] = [];
      for (const number of [1, 2, 3]) {
        const sender = await scene.devnet.account(number);
        const nonce = await scene.devnet.nextNonce(sender.publicKey);
        // Behind a gap: no block takes them away.
        const made = await Promise.all(
          Array.from({ length: 1_000 }, (_, i) =>
            scene.devnet.sign(sender, transfer(), { nonce: nonce + 1n + BigInt(i), fee: 5_000n }),
          ),
        );
        const transactions = made.map(({ bytes }) => toHex(bytes));
        const { results } = await scene.devnet.call('chain_submitTransactions', { transactions });
        refused.push(...results.flatMap(({ error }: Outcome) => error?.data ?? []));
      }
      assert.equal(
        await scene.devnet.metric('pyralog_chain_mempool_transactions_total'),
        mempoolMax,
      );
      assert.ok(refused.length > 500, `${refused.length} refused`);
      for (const { reason, retryable, retryAfterMs } of refused) {
        assert.deepEqual([reason, retryable], ['chain/mempool-full', true]);
        assert.ok(
          retryAfterMs !== undefined && retryAfterMs > 0 && retryAfterMs <= 600_000,
          `${retryAfterMs}`,
        );
      }
      const grown = (await scene.devnet.metric('pyralog_node_resident_bytes')) - before;
      assert.ok(grown < 100 * Mib, `${grown} bytes more`);
      await scene.devnet.execute(await scene.devnet.account(0), transfer());
    });
  });
}
