// SPDX-License-Identifier: Apache-2.0
/**
 * What a receipt must be, whichever form it came in (V1, V2).
 *
 * Both readers and both writers ask here, so that CBOR and JSON accept the same
 * receipts.
 */

import { isUint } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { parseOrigin } from './identity.ts';
import { digestBytes } from './multihash.ts';
import { NOTARY_SCHEMA, positionProblem } from './record.ts';
import { type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { FinalityProof, Inclusion, Receipt, ReceiptRecord } from './types.ts';

/** V1. */
export const RECEIPT_VERSION = 1;
/** V3: of the file, in either form. */
export const RECEIPT_BYTES_MAX = 65_536;
/** A tree of 2^53 − 1 leaves is 53 levels high (C1). */
const PATH_HASHES_MAX = 53;

/** The first thing wrong with a receipt; signatures and hashes are not looked at. */
export function receiptProblem(receipt: Receipt): Refusal | undefined {
  const origin = parseOrigin(receipt.origin);
  if (!origin.ok) return origin;
  if (origin.value.sha256) return bad('origin: a receipt names the log, without /sha256');
  return (
    recordProblem(receipt.record) ??
    evidenceProblem(receipt.inclusion, receipt.checkpoint) ??
    finalityProblem(receipt.finality)
  );
}

/** Refuses to write what no reader would accept. Throws with the reader's code. */
export function assertWritable(receipt: Receipt): void {
  const problem = receiptProblem(receipt);
  if (problem !== undefined) throw new PyralogError<RefusalCode>(problem.code, problem.message);
}

/** The version of a receipt, before anything else is looked at (V4). */
export function versionProblem(version: unknown): Refusal | undefined {
  if (version === RECEIPT_VERSION) return undefined;
  return isUint(version) && version > RECEIPT_VERSION
    ? refuse(
        'receipt/newer-version',
        `receipt: made by a newer version (${version}, known is ${RECEIPT_VERSION}); update pyralog`,
      )
    : bad('version is not 1');
}

function recordProblem(record: ReceiptRecord): Refusal | undefined {
  const problem = positionProblem(record);
  if (problem !== undefined) return bad(problem);
  if (record.schemaId !== NOTARY_SCHEMA) return bad('record: schema id of a notary record is 1');
  const length = digestBytes(record.algorithm);
  return record.digest.length === length
    ? undefined
    : bad(`record: a ${record.algorithm} digest has ${length} bytes`);
}

function evidenceProblem(
  inclusion: Inclusion | undefined,
  checkpoint: string | undefined,
): Refusal | undefined {
  if (inclusion === undefined || checkpoint === undefined) {
    return inclusion === checkpoint
      ? undefined
      : bad('inclusion and checkpoint come together or not at all');
  }
  if (!isUint(inclusion.size)) return bad('inclusion: size is 0 to 2^53 − 1');
  if (inclusion.path.length > PATH_HASHES_MAX || inclusion.path.some((h) => h.length !== 32)) {
    return bad(`inclusion: a path is at most ${PATH_HASHES_MAX} hashes of 32 bytes`);
  }
  const parsed = parseCheckpoint(checkpoint);
  return parsed.ok ? undefined : parsed;
}

function finalityProblem(finality: readonly FinalityProof[] | undefined): Refusal | undefined {
  if (finality === undefined) return undefined;
  return finality.length > 0 && finality.every(({ scheme }) => isUint(scheme, 0xff))
    ? undefined
    : bad('finality: a list of proofs, not empty, each with a scheme of 0 to 255');
}

export function tooLong(length: number): Refusal | undefined {
  return length > RECEIPT_BYTES_MAX ? bad(`more than ${RECEIPT_BYTES_MAX} bytes`) : undefined;
}

export function notCanonical(): Refusal {
  return refuse(
    'receipt/not-canonical',
    'receipt: not byte for byte what it would be written as; it was edited or damaged',
  );
}

export function bad(what: string): Refusal {
  return refuse('receipt/malformed', `receipt: ${what}`);
}
