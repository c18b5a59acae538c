import type { TransactionBody } from '../../../chain/index.ts';

export const transfer = (amount = 1n): TransactionBody => ({
  kind: 'transfer',
  to: new Uint8Array(32).fill(7),
  amount,
});
