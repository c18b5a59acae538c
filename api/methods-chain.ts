// SPDX-License-Identifier: Apache-2.0
/**
 * Methods of the chain: blocks, transactions, accounts and their proofs (chain.md). All reads show final state only.
 * A node without a chain answers every one with `chain/no-chain`.
 */
import Type from 'typebox';
import { origin } from './examples.ts';
import * as examples from './examples-chain.ts';
import * as s from './schemas.ts';
import * as c from './schemas-chain.ts';

const read = { listener: 'public', idempotent: true } as const;

export const chainMethods = {
  chain_head: {
    ...read,
    summary: 'The newest final block.',
    params: s.shape({}),
    result: c.head,
    example: { params: {}, result: examples.head },
  },
  chain_block: {
    ...read,
    summary: 'A final block with its certificate; the newest without `height`.',
    params: s.shape({ height: Type.Optional(c.height) }),
    result: c.block,
    example: { params: { height: '7' }, result: examples.block },
  },
  chain_transaction: {
    ...read,
    summary: 'Bytes and place of a final transaction; `chain/not-found` for any other.',
    params: s.shape({ id: c.transactionId }),
    result: s.shape({
      id: c.transactionId,
      transaction: c.hex('Its bytes (X1).'),
      height: c.height,
      index: s.decimal('Place in the block.'),
      time: s.decimal('Unix milliseconds of the block.'),
    }),
    example: {
      params: { id: examples.id },
      result: {
        id: examples.id,
        transaction: '8801',
        height: '7',
        index: '0',
        time: '1790000000000',
      },
    },
  },
  chain_transactionStatus: {
    ...read,
    summary: 'Where a transaction is; with `waitFor: final` once it is final or dropped.',
    params: s.shape({
      id: c.transactionId,
      waitFor: Type.Optional(c.waitForFinal),
      timeoutMs: Type.Optional(s.timeoutMs),
    }),
    result: c.transactionStatus,
    example: { params: { id: examples.id }, result: examples.finalStatus },
  },
  chain_submitTransaction: {
    ...read,
    summary: 'Gives a signed transaction to the mempool; the same one again is a success (X18).',
    params: s.shape({
      transaction: c.transactionBytes,
      waitFor: Type.Optional(c.waitForFinal),
      timeoutMs: Type.Optional(s.timeoutMs),
    }),
    result: c.submittedTransaction,
    example: { params: { transaction: '8801' }, result: examples.pending },
  },
  chain_submitTransactions: {
    ...read,
    summary: 'Up to 1,000 transactions, in order; each gets its own outcome.',
    params: s.shape({
      transactions: Type.Array(c.transactionBytes, { minItems: 1, maxItems: c.TRANSACTIONS_MAX }),
    }),
    result: s.shape({
      results: Type.Array(Type.Union([c.submittedTransaction, s.shape({ error: s.errorObject })])),
    }),
    example: { params: { transactions: ['8801'] }, result: { results: [examples.pending] } },
  },
  chain_account: {
    ...read,
    summary: 'Nonce and balance in the final state, and the next nonce that is free.',
    params: s.shape({ key: c.accountKey }),
    result: s.shape({
      nonce: s.decimal('Transactions of this account so far.'),
      balance: s.decimal('What it has.'),
      nextNonce: s.decimal('First free nonce, counting what waits in the mempool here.'),
    }),
    example: { params: { key: examples.key }, result: examples.account },
  },
  chain_cluster: {
    ...read,
    summary: 'A registered cluster; `chain/not-found` if there is none of that name.',
    params: s.shape({ name: Type.String({ minLength: 1, maxLength: 63 }) }),
    result: c.clusterWire,
    example: { params: { name: 'local' }, result: examples.cluster },
  },
  chain_log: {
    ...read,
    summary: 'A log as the chain knows it; `chain/not-found` before its first anchor.',
    params: s.shape({ origin: s.origin }),
    result: c.anchoredLog,
    example: { params: { origin }, result: examples.log },
  },
  chain_parameters: {
    ...read,
    summary: 'Fees and bounds of the chain.',
    params: s.shape({}),
    result: c.parameters,
    example: { params: {}, result: examples.parameters },
  },
  chain_stateProof: {
    ...read,
    summary: 'A state entry, or its absence, with its proof under a final header (state.md).',
    params: s.shape({ key: c.hex('State key (X14), such as 61 and the account key.', 512) }),
    result: s.shape({
      height: c.height,
      value: Type.Optional(c.hex('The entry; absent = there is none.')),
      proof: c.hex('State proof under the header of that height.'),
    }),
    example: { params: { key: `61${examples.key}` }, result: { height: '7', proof: '00' } },
  },
  chain_transactionProof: {
    ...read,
    summary: 'Proof that a transaction is in a final block (finality.md F7).',
    params: s.shape({ id: c.transactionId }),
    result: s.shape({ proof: c.hex('CBOR of F7.') }),
    example: { params: { id: examples.id }, result: { proof: '86' } },
  },
  chain_genesis: {
    ...read,
    summary: 'The genesis document, as text of `genesis.json` (identity.md I2, I7).',
    params: s.shape({}),
    result: s.shape({ networkId: Type.String(), document: Type.String() }),
    example: {
      params: {},
      result: { networkId: 'devnet-00112233aabbccdd', document: '{"pyralog":"genesis"}' },
    },
  },
  chain_subscribeHeads: {
    summary: 'Sends the newest final block and every newer one as `chain_subscription`.',
    listener: 'websocket',
    idempotent: false,
    params: s.shape({}),
    result: Type.String({ description: 'Subscription id; `notary_unsubscribe` ends it.' }),
    example: { params: {}, result: '1' },
  },
} as const;
