// SPDX-License-Identifier: Apache-2.0
/**
 * Reading CBOR from strangers.
 *
 * `decodeCbor` only has to be safe: whether the bytes are the deterministic encoding
 * (RFC 8949 §4.2.1) is decided by encoding again and comparing. `decodeCanonical`
 * does that for everything that is built of arrays (ADR 0009).
 */
import { decode, encode } from 'cborg';
import { copyBytes, equalBytes } from '../base/bytes.ts';
import { isU64, isUint } from '../base/decimal.ts';

/** The value of one CBOR item; `undefined` when the bytes are not exactly one. */
export function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, {
      strict: true,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
    });
  } catch {
    return undefined; // not CBOR, cut short, or followed by more bytes; undefined itself is not allowed
  }
}

/** What chain formats are made of; an integer is a bigint exactly when it is above 2^53 − 1. */
export type Canonical = null | number | bigint | string | Uint8Array | readonly Canonical[];

/** Deeper than any format here. */
const DEPTH_MAX = 8;

/**
 * The array that these bytes are the only encoding of; `undefined` for anything else.
 *
 * Arrays, byte strings, text, unsigned integers and null: no maps, tags, floats, booleans,
 * longer heads, ill-formed text or bytes behind the end. Byte strings are copies.
 */
export function decodeCanonical(bytes: Uint8Array): readonly Canonical[] | undefined {
  const value = canonicalOf(decodeCbor(bytes), DEPTH_MAX);
  return Array.isArray(value) && equalBytes(encode(value), bytes) ? value : undefined;
}

function canonicalOf(value: unknown, depth: number): Canonical | undefined {
  if (value === null || isUint(value) || isU64(value) || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return copyBytes(value);
  if (!Array.isArray(value) || depth === 0) return undefined;
  const items: Canonical[] = [];
  for (const item of value) {
    const read = canonicalOf(item, depth - 1);
    if (read === undefined) return undefined;
    items.push(read);
  }
  return items;
}

/** Deterministic CBOR of arrays, byte strings, text, unsigned integers and null (ADR 0009). */
export function encodeCanonical(value: Canonical): Uint8Array {
  return copyBytes(encode(value)); // on Node the library gives a Buffer, whose slices share memory
}

export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32;
}
