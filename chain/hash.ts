/** Hashes of the chain: BLAKE3 `derive_key` mode under `pyralog v1 <label>` (chain.md), in native code. */
import { blake3Derived, blake3DerivedMany } from '../native/index.ts';

/** Every label there is. One label names one kind of thing, so no hash of one can pass for another's. */
export type HashLabel = 'transaction' | 'header' | 'certificate' | 'validators' | 'cluster account';

/** 32 bytes. */
export function hashUnder(label: HashLabel, bytes: Uint8Array): Uint8Array {
  return plain(blake3Derived(`pyralog v1 ${label}`, bytes));
}

/** {@link hashUnder} of each, in one call. */
export function hashUnderMany(label: HashLabel, list: readonly Uint8Array[]): Uint8Array[] {
  return blake3DerivedMany(`pyralog v1 ${label}`, list).map(plain);
}

/** Not a `Buffer`, whose `slice` is a view and whose comparisons differ. */
function plain(hash: Uint8Array): Uint8Array {
  return new Uint8Array(hash.buffer, hash.byteOffset, hash.length);
}
