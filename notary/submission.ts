/** What may be submitted, and where it goes. */
import { blake3 } from '@noble/hashes/blake3.js';
import { type DigestAlgorithm, digestBytes, multihashCode } from '../receipt/index.ts';
import { notaryError } from './errors.ts';
import type { Submission } from './types.ts';

/** Bytes of UTF-8 of a submitter or an idempotency key. */
export const NAME_BYTES_MAX = 64;

// Looked up for every submission.
const CODE: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: multihashCode('sha256'),
  sha512: multihashCode('sha512'),
  blake3: multihashCode('blake3'),
};
const BYTES: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: digestBytes('sha256'),
  sha512: digestBytes('sha512'),
  blake3: digestBytes('blake3'),
};

/** The multihash code (record.md L4). Throws `notary/invalid-submission` for what cannot be notarized. */
export function checkSubmission(submission: Submission): number {
  const { algorithm, digest, submitter, idempotencyKey } = submission;
  if (digest.length !== BYTES[algorithm]) {
    throw invalid(`a ${algorithm} digest has ${BYTES[algorithm]} bytes, this one ${digest.length}`);
  }
  if (submitter !== '') checkName('submitter', submitter);
  if (idempotencyKey !== undefined) {
    checkName('idempotency key', idempotencyKey);
    if (idempotencyKey === '')
      throw invalid('an idempotency key is not empty; leave it out instead');
  }
  return CODE[algorithm];
}

/** The multihash code of a packed batch. */
export function checkPacked(algorithm: DigestAlgorithm, submitter: string, bytes: number): number {
  checkName('submitter', submitter);
  if (bytes === 0 || bytes % BYTES[algorithm] !== 0) {
    throw invalid(
      `${bytes} bytes are not a whole number of ${algorithm} digests of ${BYTES[algorithm]}`,
    );
  }
  return CODE[algorithm];
}

/** N6. */
export function partitionOf({ digest, idempotencyKey }: Submission, partitions: number): number {
  if (partitions === 1) return 0;
  const chosenBy = idempotencyKey === undefined ? digest : Buffer.from(idempotencyKey);
  return Buffer.from(blake3(chosenBy)).readUInt32LE(0) % partitions;
}

function checkName(what: string, name: string): void {
  // A lone surrogate has no UTF-8: two such names could become one.
  if (!name.isWellFormed()) throw invalid(`a ${what} is well-formed text`);
  if (name.length > NAME_BYTES_MAX || Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw invalid(`a ${what} has at most ${NAME_BYTES_MAX} bytes of UTF-8`);
  }
}

function invalid(why: string): Error {
  return notaryError('notary/invalid-submission', `cannot notarize this: ${why}`);
}
