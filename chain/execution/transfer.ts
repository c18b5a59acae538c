import type { Planner } from './plan.ts';

/** X5: moves an amount. The balance is checked with the fee (X4). */
export const planTransfer: Planner<'transfer'> = ({ sender, body }) => ({
  ok: true,
  payer: sender,
  moves: [{ from: sender, to: body.to, amount: body.amount }],
});
