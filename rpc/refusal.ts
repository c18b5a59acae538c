import { PyralogError } from '../base/errors.ts';
import type { SubmittedTransaction } from './chain-access.ts';

/** A transaction's refusal as the error it is for whoever submitted it alone. */
export function refusalOf(outcome: Extract<SubmittedTransaction, { ok: false }>): PyralogError {
  return new PyralogError(outcome.code, outcome.message, { data: { ...outcome.data } });
}
