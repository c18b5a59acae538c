/** Why a transaction is not taken, in words and numbers (X16: each refusal names the rule and the numbers). */
import { chainError } from '../errors.ts';
import type { ChainError } from '../types.ts';

export function feeTooLow(fee: bigint, minimum: bigint, why: string): ChainError {
  const message = `the fee ${fee} is too low: ${why} at least ${minimum}`;
  return chainError('chain/fee-too-low', message, { data: { fee, minimum } });
}

export function badNonce(nonce: bigint, expected: bigint, why: string): ChainError {
  const message = `nonce ${nonce} ${why}; the account's next is ${expected}`;
  return chainError('chain/bad-nonce', message, { data: { nonce, expected } });
}

export function expired(until: number, height: number): ChainError {
  const message = `it may stand in blocks up to ${until}, and block ${height} is final; sign it again with a later "until" (X1)`;
  return chainError('chain/expired', message, { data: { until, height } });
}

export function full(retryAfterMs: number, why: string): ChainError {
  const message = `${why}; try again in ${retryAfterMs} ms (X19)`;
  return chainError('chain/mempool-full', message, { data: { retryAfterMs } });
}

export function insufficient(payer: string, balance: bigint, needed: bigint): ChainError {
  const message = `${payer} has ${balance}, and all that it has waiting together with this takes ${needed} (X16)`;
  return chainError('chain/insufficient-balance', message, { data: { balance, needed } });
}

/** Of anchors: the state decides who may send them (X7). */
export function notSubmitter(cluster: string, registered: boolean): ChainError {
  const why = registered
    ? `the sender is no submitter of the cluster ${cluster}`
    : `the cluster ${cluster} is not registered; send register-cluster first`;
  return chainError('chain/refused', `${why} (X7)`, { data: { rule: 'X7' } });
}

export function badSignature(): ChainError {
  const message = "the signature is not the sender's, or was made for another network (X1)";
  return chainError('chain/bad-signature', message);
}
