// SPDX-License-Identifier: Apache-2.0
/**
 * Strict Ed25519 verification (C5).
 *
 * Implementations disagree on the edges of RFC 8032: one accepts a signature that
 * another refuses, and then two honest verifiers differ about one receipt. Here
 * there is one answer: S below the group order, A and R canonical encodings of
 * points of large order, and the cofactorless equation [S]B = R + [k]A.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat } from '../base/bytes.ts';

const { Point } = ed25519;
const ORDER = Point.CURVE().n;

/** Whether `signature` (64 bytes) of `message` is by `publicKey` (32 bytes). Never throws. */
export function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const pointA = decodePoint(publicKey);
  const pointR = decodePoint(r);
  if (pointA === undefined || pointR === undefined || s >= ORDER) return false;
  const k = littleEndian(sha512(concat(r, publicKey, message))) % ORDER;
  return Point.BASE.multiplyUnsafe(s).equals(pointR.add(pointA.multiplyUnsafe(k)));
}

/** Whether these 32 bytes are a key that strict verification can ever accept. */
export function isPublicKey(bytes: Uint8Array): boolean {
  return decodePoint(bytes) !== undefined;
}

/** A canonically encoded point that is not of small order. */
function decodePoint(bytes: Uint8Array): InstanceType<typeof Point> | undefined {
  if (bytes.length !== 32) return undefined;
  try {
    const point = Point.fromBytes(bytes, false);
    return point.isSmallOrder() ? undefined : point;
  } catch {
    return undefined; // what the decoder throws for: not on the curve, or not the canonical encoding
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}
