import { PyralogError } from '../base/errors.ts';
import type { ChainError, ChainErrorCode } from './types.ts';

/** Why a well-formed transaction does not apply (X3–X9): a value, because strangers cause it. */
export interface Refusal {
  readonly ok: false;
  readonly code: ChainErrorCode;
  /** What was wrong, where, what to do; it names the rule. */
  readonly reason: string;
  readonly data: Readonly<Record<string, string | number | bigint>>;
}

/** A refusal with the code of its rule. */
export function refusal(code: ChainErrorCode, reason: string, data: Refusal['data'] = {}): Refusal {
  return { ok: false, code, reason, data };
}

/** What the state forbids (X5–X9): `chain/refused`, with the rule in `data`. */
export function forbidden(rule: string, reason: string): Refusal {
  return refusal('chain/refused', `${reason} (${rule})`, { rule });
}

export function chainError(
  code: ChainErrorCode,
  message: string,
  detail: ConstructorParameters<typeof PyralogError>[2] = {},
): ChainError {
  return new PyralogError(code, message, detail);
}
