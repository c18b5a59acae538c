import { PyralogError } from '../base/errors.ts';
import type { StorageErrorCode } from './types.ts';

/** Packed bytes that break batch.md B6: says which bytes and why. */
export function malformed(what: string, cause?: unknown): PyralogError<StorageErrorCode> {
  return new PyralogError('batch/malformed', `packed batch: ${what}`, { cause });
}

/** A partition, offset or size that does not exist (yet). */
export function outOfRange(what: string): PyralogError<StorageErrorCode> {
  return new PyralogError('log/out-of-range', what);
}
