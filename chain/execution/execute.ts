/** One transaction on a state (X3 to X9): either all of it happens, or nothing and the rule that forbids it. */
import type { AnchorLeaf } from '../../receipt/index.ts';
import { minimumFee } from '../codec/transaction.ts';
import { type Refusal, refusal } from '../errors.ts';
import type { Transaction } from '../types.ts';
import { planAnchor } from './anchor.ts';
import { planEvidence } from './evidence.ts';
import { planNotarization } from './notarize.ts';
import type { BlockContext, Plan, StateView, TransactionOf } from './plan.ts';
import { planRegistration } from './register-cluster.ts';
import { planTransfer } from './transfer.ts';
import type { WorkingState } from './working-state.ts';

/** A transaction that was decoded; its signature is checked elsewhere, before. */
export interface Executable {
  /** Its length decides the least fee (X3). */
  readonly bytes: Uint8Array;
  readonly transaction: Transaction;
}

export type Executed = { readonly ok: true; readonly anchor: AnchorLeaf | undefined } | Refusal;

/** Applies a transaction to `state`, or leaves it as it is. A function of its arguments alone (X13). */
export function executeTransaction(
  state: WorkingState,
  executable: Executable,
  context: BlockContext,
): Executed {
  const { transaction } = executable;
  const unfit = generalProblem(state, executable, context);
  if (unfit !== undefined) return unfit;
  const plan = planOf(transaction, state, context);
  if (!plan.ok) return plan;
  const short = balanceProblem(state, plan, transaction.fee);
  if (short !== undefined) return short;
  state.useNonce(transaction.sender);
  for (const move of plan.moves ?? []) state.move(move);
  state.move({ from: plan.payer, to: context.feeAccount, amount: transaction.fee });
  if (plan.cluster !== undefined) state.putCluster(plan.cluster);
  if (plan.log !== undefined) state.putLog(plan.log);
  return { ok: true, anchor: plan.anchor };
}

/** What holds for every kind (X1, X3, X4). */
function generalProblem(
  state: StateView,
  { bytes, transaction }: Executable,
  { height, parameters }: BlockContext,
): Refusal | undefined {
  const { until, fee, nonce, sender } = transaction;
  if (until !== 0 && height > until) {
    return refusal('chain/expired', `it may stand up to height ${until}, this is ${height} (X1)`, {
      until,
      height,
    });
  }
  const minimum = minimumFee(bytes.length, parameters);
  if (fee < minimum) {
    const reason = `the fee is ${fee}; for ${bytes.length} bytes at least ${minimum} (X3)`;
    return refusal('chain/fee-too-low', reason, { minimum, fee });
  }
  const expected = state.account(sender).nonce;
  if (nonce !== expected) {
    const reason = `the nonce is ${nonce}; the account's next is ${expected} (X4)`;
    return refusal('chain/bad-nonce', reason, { expected, nonce });
  }
  return undefined;
}

/** Only one account pays: the sender, or of an anchor its cluster (X3). */
function balanceProblem(state: StateView, plan: Plan, fee: bigint): Refusal | undefined {
  const needed = (plan.moves ?? []).reduce((sum, { amount }) => sum + amount, fee);
  const { balance } = state.account(plan.payer);
  if (balance >= needed) return undefined;
  const reason = `the payer has ${balance} and needs ${needed} with the fee (X4)`;
  return refusal('chain/insufficient-balance', reason, { balance, needed });
}

function planOf(transaction: Transaction, state: StateView, context: BlockContext): Plan | Refusal {
  switch (transaction.body.kind) {
    case 'transfer':
      return planTransfer(transaction as TransactionOf<'transfer'>, state, context);
    case 'register-cluster':
      return planRegistration(transaction as TransactionOf<'register-cluster'>, state, context);
    case 'anchor':
      return planAnchor(transaction as TransactionOf<'anchor'>, state, context);
    case 'notarize':
      return planNotarization(transaction as TransactionOf<'notarize'>, state, context);
    case 'evidence':
      return planEvidence(transaction as TransactionOf<'evidence'>, state, context);
  }
}
