/**
 * Items of deterministic CBOR, read and written in one pass over the bytes: arrays, byte strings, text, uints and null,
 * which is all that the chain is made of (X1, X10, X11).
 *
 * A general decoder makes a token of every head and proves the one encoding by encoding again; of a transaction that is
 * most of what a node spends on taking it. This reader holds every head to its shortest form instead, so what it takes
 * has one encoding; whatever it does not take is left to the general one, which says what is wrong.
 */
import { fromUtf8, toUtf8 } from '../../base/bytes.ts';

/** Uints above 2^53 − 1 are bigints. */
export type Item = number | bigint | string | Uint8Array | null | readonly Item[];

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const NULL = 0xf6;
/** Deeper than any format of the chain. */
const DEPTH_MAX = 8;
const U32 = 2 ** 32;
const U64 = 2n ** 64n;
const LOW = 0xffff_ffffn;
/** Least number of a head that is followed by 1, 2 and 4 bytes. */
const LEAST = [24, 2 ** 8, 2 ** 16] as const;

/** How byte strings are handed out: as copies, or as views of the bytes that are read, which they keep alive. */
export type Handing = 'copies' | 'views';

/** Exactly one item in its one encoding; undefined for anything else. Never throws. */
export function readItem(bytes: Uint8Array, handing: Handing = 'copies'): Item | undefined {
  const reader = new ItemReader(bytes, handing);
  const item = reader.item(0);
  return reader.at === bytes.length ? item : undefined;
}

class ItemReader {
  /** A plain view: parts of a `Buffer` would be buffers, and its `slice` does not copy. */
  readonly #bytes: Uint8Array;
  readonly #copies: boolean;
  at = 0;

  constructor({ buffer, byteOffset, length }: Uint8Array, handing: Handing) {
    this.#bytes = new Uint8Array(buffer, byteOffset, length);
    this.#copies = handing === 'copies';
  }

  item(depth: number): Item | undefined {
    const first = this.#bytes[this.at];
    if (first === undefined || depth > DEPTH_MAX) return undefined;
    this.at++;
    if (first === NULL) return null;
    const value = this.#argument(first & 31);
    if (value === undefined) return undefined;
    const major = first >>> 5;
    if (major === UINT) return value;
    if (value > this.#bytes.length - this.at) return undefined;
    const length = Number(value);
    if (major === BYTES) return this.#part(length, this.#copies);
    if (major === TEXT) return fromUtf8(this.#part(length, false));
    return major === ARRAY ? this.#array(length, depth) : undefined;
  }

  /** The number of a head, held to the fewest bytes. */
  #argument(info: number): number | bigint | undefined {
    if (info < 24) return info;
    if (info > 27) return undefined;
    const width = 1 << (info - 24);
    if (width > this.#bytes.length - this.at) return undefined;
    const high = this.#uint(Math.min(width, 4));
    if (width < 8) return high < (LEAST[info - 24] ?? 0) ? undefined : high;
    const low = this.#uint(4);
    if (high === 0) return undefined;
    const value = high * U32 + low;
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
  }

  #uint(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (this.#bytes[this.at + i] ?? 0);
    this.at += width;
    return value;
  }

  #part(length: number, copied: boolean): Uint8Array {
    const from = this.at;
    this.at += length;
    return copied ? this.#bytes.slice(from, this.at) : this.#bytes.subarray(from, this.at);
  }

  #array(length: number, depth: number): Item[] | undefined {
    const items: Item[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.item(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

/** The one encoding of an item. Throws a `TypeError` for what is none: a format wrote something else. */
export function writeItem(item: Item): Uint8Array {
  const writer = new ItemWriter(sizeOf(item));
  writer.item(item);
  return writer.bytes;
}

function sizeOf(item: Item): number {
  if (item === null) return 1;
  if (typeof item === 'number' || typeof item === 'bigint') return headSize(item);
  if (typeof item === 'string') return withHead(Buffer.byteLength(item));
  if (item instanceof Uint8Array) return withHead(item.length);
  if (!Array.isArray(item)) throw new TypeError(`not an item of the chain: ${typeof item}`);
  let size = headSize(item.length);
  for (const each of item) size += sizeOf(each);
  return size;
}

function withHead(length: number): number {
  return headSize(length) + length;
}

function headSize(value: number | bigint): number {
  if (value < 24) return 1;
  if (value < 2 ** 8) return 2;
  if (value < 2 ** 16) return 3;
  return value < U32 ? 5 : 9;
}

class ItemWriter {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  item(item: Item): void {
    if (item === null) this.bytes[this.#at++] = NULL;
    else if (typeof item === 'number' || typeof item === 'bigint') this.#head(UINT, item);
    else if (typeof item === 'string') this.#string(TEXT, toUtf8(item));
    else if (item instanceof Uint8Array) this.#string(BYTES, item);
    else {
      this.#head(ARRAY, item.length);
      for (const each of item) this.item(each);
    }
  }

  #string(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length);
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #head(major: number, value: number | bigint): void {
    const isUint = typeof value === 'bigint' ? value < U64 : Number.isSafeInteger(value);
    if (!isUint || value < 0) throw new TypeError(`not an item of the chain: ${value}`);
    const size = headSize(value);
    const first = major << 5;
    if (size === 1) this.#uint(first + Number(value), 1);
    else if (size < 9) {
      this.#uint(first + (size === 2 ? 24 : size === 3 ? 25 : 26), 1);
      this.#uint(Number(value), size - 1);
    } else {
      this.#uint(first + 27, 1);
      this.#uint(Number(BigInt(value) >> 32n), 4);
      this.#uint(Number(BigInt(value) & LOW), 4);
    }
  }

  /** Big-endian. */
  #uint(value: number, width: number): void {
    let rest = value;
    for (let i = width - 1; i >= 0; i--) {
      this.bytes[this.#at + i] = rest;
      rest = Math.floor(rest / 256);
    }
    this.#at += width;
  }
}
