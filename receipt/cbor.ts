// SPDX-License-Identifier: Apache-2.0
/**
 * Reading CBOR from strangers.
 *
 * This only has to be safe: whether the bytes are the deterministic encoding
 * (RFC 8949 §4.2.1) is decided by encoding again and comparing.
 */
import { decode } from 'cborg';

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
