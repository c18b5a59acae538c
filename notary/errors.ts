import { PyralogError } from '../base/errors.ts';

/** Every code that can come out of a notary; `rpc/errors.ts` proves against this list that it maps them all. */
export const NOTARY_ERROR_CODES = [
  /** The key belongs to another content (N1). A value of `submit`, thrown only by callers who want it so. */
  'notary/idempotency-conflict',
  /** The wait ended while the submission was on its way: it may be there. Repeat it with the same key (N4). */
  'notary/outcome-unknown',
  /** Too many submissions wait; nothing was taken. Retry. */
  'notary/overloaded',
  /** A digest of the wrong length, a name that is too long or not well-formed text, too many at once. */
  'notary/invalid-submission',
  /** No log of that origin here. */
  'notary/unknown-log',
  /** No record of that id here. */
  'notary/not-found',
  /** The node is on no chain, so nothing becomes final here. */
  'chain/no-chain',
  /** The node's logs are not anchored, so waiting for `final` is in vain until the operator has seen to it. */
  'notary/not-anchored',
  /** Another node leads the log. */
  'consensus/not-leader',
  // What comes up from the native core; explained in native/types.ts.
  'storage/disk-full',
  'storage/read-only',
  'storage/poisoned',
  'storage/corrupt',
  'storage/locked',
  'storage/format',
  'storage/io',
  'batch/malformed',
  'log/overloaded',
  'log/clock-behind',
  'log/outcome-unknown',
  'log/out-of-range',
  'log/closed',
] as const;

export type NotaryErrorCode = (typeof NOTARY_ERROR_CODES)[number];

export type NotaryError = PyralogError<NotaryErrorCode>;

export function notaryError(
  code: Extract<NotaryErrorCode, `notary/${string}` | 'chain/no-chain'>,
  message: string,
  detail: {
    readonly data?: Record<string, string | number | bigint>;
    readonly cause?: unknown;
  } = {},
): NotaryError {
  return new PyralogError(code, message, detail);
}

/** A failure of the replicator as the notary's callers know it. */
export function fromReplicator(error: unknown): unknown {
  if (!(error instanceof PyralogError)) return error;
  if (error.code !== 'consensus/outcome-unknown' && error.code !== 'log/outcome-unknown') {
    return error;
  }
  return outcomeUnknown(error);
}

export function outcomeUnknown(cause: unknown): NotaryError {
  return notaryError(
    'notary/outcome-unknown',
    'the wait ended while the submission was on its way: it may be in the log; repeat it with the same key or digest',
    { cause },
  );
}
