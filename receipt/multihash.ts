// SPDX-License-Identifier: Apache-2.0
/**
 * The value of a notary record: which hash, and the hash (L4).
 *
 * A multihash says what it is, so that a log may hold digests of several
 * algorithms and a digest can never be taken for one of another algorithm.
 */
import { concat, copyBytes } from '../base/bytes.ts';
import { PyralogError } from '../base/errors.ts';
import { accept, type Parsed, type RefusalCode, refuse } from './refusal.ts';
import type { Digest, DigestAlgorithm } from './types.ts';

/** Multihash codes and lengths in bytes, from the multicodec table. */
const ALGORITHMS = {
  sha256: { code: 0x12, bytes: 32 },
  sha512: { code: 0x13, bytes: 64 },
  blake3: { code: 0x1e, bytes: 32 },
} as const satisfies Record<DigestAlgorithm, { code: number; bytes: number }>;

/** In the order in which lists show them. */
export const DIGEST_ALGORITHMS = [
  'sha256',
  'sha512',
  'blake3',
] as const satisfies readonly DigestAlgorithm[];

export function isDigestAlgorithm(name: unknown): name is DigestAlgorithm {
  return DIGEST_ALGORITHMS.some((algorithm) => algorithm === name);
}

/** Length of a digest in bytes. */
export function digestBytes(algorithm: DigestAlgorithm): number {
  return ALGORITHMS[algorithm].bytes;
}

/** Multihash code: `0x12`, `0x13` or `0x1e` (L4). */
export function multihashCode(algorithm: DigestAlgorithm): number {
  return ALGORITHMS[algorithm].code;
}

/** Code, length, digest (L4). Throws `receipt/malformed` when the length is not the algorithm's. */
export function encodeMultihash(value: Digest): Uint8Array {
  const { code, bytes } = ALGORITHMS[value.algorithm];
  if (value.digest.length !== bytes) {
    throw new PyralogError<RefusalCode>(
      'receipt/malformed',
      `a ${value.algorithm} digest has ${bytes} bytes, this one has ${value.digest.length}`,
    );
  }
  return concat(Uint8Array.of(code, bytes), value.digest);
}

/** Reads exactly one multihash, nothing behind it (L4). */
export function decodeMultihash(bytes: Uint8Array): Parsed<Digest> {
  const algorithm = DIGEST_ALGORITHMS.find((name) => ALGORITHMS[name].code === bytes[0]);
  if (algorithm === undefined) {
    return refuse('receipt/malformed', 'a notary value starts with a multihash code 12, 13 or 1e');
  }
  const length = digestBytes(algorithm);
  if (bytes[1] !== length || bytes.length !== 2 + length) {
    return refuse(
      'receipt/malformed',
      `a ${algorithm} multihash states and has ${length} bytes of digest`,
    );
  }
  return accept({ algorithm, digest: copyBytes(bytes, 2) });
}
