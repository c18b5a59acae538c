import { decode, encode, rfc8949EncodeOptions } from 'cborg';

/** Deterministic CBOR (RFC 8949 §4.2.1). */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions);
}

/** The array in these bytes, whoever wrote them; undefined when they are none. */
export function decodeArray(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = decode(bytes, { strict: true, allowIndefinite: false });
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // a stranger's bytes: not being CBOR is an answer, not an accident
  }
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

/** A map key for bytes: one character a byte. */
export function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
