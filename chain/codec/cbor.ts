/**
 * One encoding of one value (X1, X11): deterministic CBOR out of arrays, byte strings, text, uints and null.
 *
 * {@link readItem} takes an item in its one encoding, and formats lose nothing of an item, so a value that is read that
 * way has these very bytes. What it does not take is read once more by `cborg`, to say what is wrong: that refuses long
 * heads, indefinite lengths and trailing bytes, but reads floats as integers and repairs broken UTF-8. So what came that
 * way is encoded again and must be the same bytes: whatever a reader is lax about, two encodings of one value never pass.
 */
import { decode, encode } from 'cborg';
import { equalBytes } from '../../base/bytes.ts';
import { type Handing, type Item, readItem, writeItem } from './item.ts';

/** What reading bytes of a stranger gives: the value, or what is wrong with them. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** One format: how an item becomes a value, and a value an item. */
export interface Format<T> {
  /** Names the thing in refusals. */
  readonly what: string;
  /** Throws {@link Malformed} through the readers below, and nothing else. */
  readonly read: (item: unknown) => T;
  readonly write: (value: T) => unknown;
  /** `views`: its byte strings are parts of the bytes that were read, for what is large and short-lived. Default: copies. */
  readonly handing?: Handing;
}

/** Raised by readers, caught by {@link decodeAs}. It never leaves this folder. */
export class Malformed extends Error {}

const OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
} as const;

/** Amounts, nonces and fees stay below (X1, X4). */
export const AMOUNT_LIMIT = 2n ** 63n;

export function encodeAs<T>(format: Format<T>, value: T): Uint8Array {
  return writeItem(format.write(value) as Item);
}

/** Reads exactly one item in its one encoding. Never throws. */
export function decodeAs<T>(format: Format<T>, bytes: Uint8Array): Decoded<T> {
  const item = readItem(bytes, format.handing);
  if (item === undefined) return decodeLaxly(format, bytes);
  return reading(format, () => ({ ok: true, value: format.read(item) }));
}

/** The same verdicts as {@link decodeAs}, by another way and slowly. Never throws. */
export function decodeLaxly<T>(format: Format<T>, bytes: Uint8Array): Decoded<T> {
  const item = itemOf(bytes);
  if (item === undefined) return { ok: false, reason: `${format.what}: not one item of CBOR` };
  return reading(format, () => {
    const value = format.read(item);
    if (equalBytes(encode(format.write(value)), bytes)) return { ok: true, value };
    return { ok: false, reason: `${format.what}: not in its one encoding (RFC 8949 4.2.1)` };
  });
}

function reading<T>(format: Format<T>, read: () => Decoded<T>): Decoded<T> {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed)
      return { ok: false, reason: `${format.what}: ${error.message}` };
    throw error;
  }
}

function itemOf(bytes: Uint8Array): unknown {
  try {
    // Byte strings are copied out of a plain view; out of a Buffer they would be views of memory that may be used again.
    return decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), OPTIONS);
  } catch {
    return undefined; // not CBOR, cut short, nested beyond the stack, or followed by more bytes
  }
}

/** An array of exactly `length` items, or of any number. */
export function arrayOf(item: unknown, what: string, length?: number): readonly unknown[] {
  if (!Array.isArray(item)) throw new Malformed(`${what} is not an array`);
  if (length !== undefined && item.length !== length) {
    throw new Malformed(`${what} has ${item.length} items, not ${length}`);
  }
  return item;
}

/** A byte string of exactly `length` bytes, or of any number. */
export function bytesOf(item: unknown, what: string, length?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) throw new Malformed(`${what} is not a byte string`);
  if (length !== undefined && item.length !== length) {
    throw new Malformed(`${what} has ${item.length} bytes, not ${length}`);
  }
  return item;
}

export function textOf(item: unknown, what: string): string {
  if (typeof item !== 'string') throw new Malformed(`${what} is not a text`);
  return item;
}

/** A height, size, time or index: at most 2^53 − 1 unless `max` says less. */
export function numberOf(item: unknown, what: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof item !== 'number' || !Number.isSafeInteger(item) || item < 0 || item > max) {
    throw new Malformed(`${what} is not a whole number from 0 to ${max}`);
  }
  return item;
}

/** An amount, fee or nonce: below 2^63 (X1). */
export function amountOf(item: unknown, what: string): bigint {
  const value =
    typeof item === 'bigint' ? item : Number.isSafeInteger(item) ? BigInt(item as number) : -1n;
  if (value < 0n || value >= AMOUNT_LIMIT) {
    throw new Malformed(`${what} is not a whole number below 2^63`);
  }
  return value;
}

/** Hashes of 32 bytes back to back: a path, leaf side first. */
export function hashesOf(item: unknown, what: string): Uint8Array[] {
  const bytes = bytesOf(item, what);
  if (bytes.length % 32 !== 0) throw new Malformed(`${what} is not whole hashes of 32 bytes`);
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
}

/** The item of {@link hashesOf}. */
export function joinHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(32 * hashes.length);
  for (const [i, hash] of hashes.entries()) joined.set(hash, 32 * i);
  return joined;
}
