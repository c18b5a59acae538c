/** Transactions that break a rule (X1 to X4, X16), and too many of them (X19). */
import { strict as assert } from 'node:assert';
import { encodeTransaction } from '../../../chain/index.ts';
import { encodeBatch } from '../../../chain/mempool/batch.ts';
import type { Signer } from '../../../consensus/index.ts';
import { GARBAGE, type Scene } from '../../support/attack/scene.ts';
import { transfer } from './bodies.ts';

export function attacksByTransactions(scene: Scene): void {
  describe('by transactions', () => {
    /** Code, what the message says, and the bytes. */
    async function bad(sender: Signer): Promise<[string, RegExp, Uint8Array][]> {
      const nonce = await scene.devnet.nextNonce(sender.publicKey);
      const good = await scene.devnet.sign(sender, transfer(), { nonce });
      const broken = { ...good.transaction, signature: new Uint8Array(64).fill(1) };
      const sign = async (amount: bigint, changes: object = {}) =>
        (await scene.devnet.sign(sender, transfer(amount), { nonce, ...changes })).bytes;
      return [
        ['chain/bad-nonce', /next is/, await sign(1n, { nonce: nonce + 50_000n })],
        ['chain/fee-too-low', /at least/, await sign(1n, { fee: 10n })],
        ['chain/insufficient-balance', /\(X16\)/, await sign(2n ** 62n)],
        ['chain/expired', /final/, await sign(1n, { until: 1 })],
        ['chain/bad-signature', /\(X1\)/, encodeTransaction(broken)],
        [
          'chain/bad-signature',
          /another network/,
          await sign(1n, { network: 'devnet-0011223344556677' }),
        ],
        ['chain/malformed', /one item of CBOR/, GARBAGE],
        [
          'chain/malformed',
          /CBOR/,
          Buffer.concat([
            good.bytes.subarray(0, 1),
            Uint8Array.of(0x18, 1),
            good.bytes.subarray(2),
          ]),
        ],
        ['chain/malformed', /one item of CBOR/, good.bytes.subarray(0, -1)],
      ];
    }

    it('refuses each over RPC with its code and reason', async () => {
      const sender = await scene.devnet.account(0);
      for (const [code, reason, bytes] of await bad(sender)) {
        const { error } = await scene.devnet.submit(bytes);
        assert.equal(error?.data.reason, code, error?.message);
        assert.match(error.message, reason);
        assert.equal(error.data.retryable, false);
      }
      await scene.devnet.execute(sender, transfer());
    });

    it('refuses the nonce of a final transaction', async () => {
      const sender = await scene.devnet.account(0);
      const { bytes } = await scene.devnet.sign(sender, transfer(3n), { nonce: 0n });
      const { error } = await scene.devnet.submit(bytes);
      assert.equal(error?.data.reason, 'chain/bad-nonce');
    });

    it('drops each that comes by gossip; only bad form and signature are the fault of the neighbour', async () => {
      const sender = await scene.devnet.account(0);
      for (const [code, , bytes] of await bad(sender)) {
        const peer = await scene.guest();
        const isFault = code === 'chain/malformed' || code === 'chain/bad-signature';
        await scene.gossips(
          peer,
          (round) => encodeBatch({ round, transactions: [bytes] }),
          isFault ? 'invalid' : undefined,
        );
        const score = (await peer.score()) ?? Number.NaN;
        assert.ok(isFault ? score < -20 : score === 0, `${code}: score ${score}`);
        await peer.close();
      }
      assert.equal(await scene.devnet.metric('pyralog_chain_mempool_transactions_total'), 0);
      await scene.devnet.execute(sender, transfer());
    });
  });
}
