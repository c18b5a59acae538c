// SPDX-License-Identifier: Apache-2.0
/**
 * Headers: an ordered list of names and values beside a record (L3).
 *
 * Only their hash enters the leaf. An empty list has no bytes and no hash, so
 * that "no headers" is written in one way.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { concat, copyBytes, fromUtf8, toUtf8 } from '../base/bytes.ts';
import { PyralogError } from '../base/errors.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { Header } from './types.ts';

/** L3. */
export const HEADERS_MAX = 64;
/** L3: of the whole encoding. */
export const HEADERS_BYTES_MAX = 65_536;

/** Throws `receipt/malformed` beyond the bounds of L3 or for a name that is not well-formed. */
export function encodeHeaders(headers: readonly Header[]): Uint8Array {
  if (headers.length === 0) return new Uint8Array(0);
  const parts = headers.map(encodeHeader);
  const bytes = concat(little(2, headers.length), ...parts);
  if (headers.length > HEADERS_MAX || bytes.length > HEADERS_BYTES_MAX) {
    throw malformed(
      `${headers.length} headers in ${bytes.length} bytes: at most ${HEADERS_MAX} in ${HEADERS_BYTES_MAX}`,
    );
  }
  return bytes;
}

function encodeHeader({ name, value }: Header): Uint8Array {
  const nameBytes = toUtf8(name);
  if (!name.isWellFormed() || nameBytes.length > 0xffff) {
    throw malformed('a header name is well-formed text of at most 65,535 bytes');
  }
  return concat(little(2, nameBytes.length), nameBytes, little(4, value.length), value);
}

export function decodeHeaders(bytes: Uint8Array): Parsed<Header[]> {
  if (bytes.length === 0) return accept([]);
  if (bytes.length > HEADERS_BYTES_MAX) return bad(`more than ${HEADERS_BYTES_MAX} bytes`);
  const reader = new Reader(bytes);
  const count = reader.uint(2);
  if (count === undefined || count === 0 || count > HEADERS_MAX) {
    return bad(`the count is 1 to ${HEADERS_MAX} (no headers have no bytes)`);
  }
  const headers: Header[] = [];
  for (let i = 0; i < count; i++) {
    const header = decodeHeader(reader);
    if (header === undefined) return bad(`header ${i} is cut short or its name is not UTF-8`);
    headers.push(header);
  }
  return reader.atEnd() ? accept(headers) : bad('bytes behind the last header');
}

function decodeHeader(reader: Reader): Header | undefined {
  const nameBytes = reader.prefixed(2);
  const value = nameBytes && reader.prefixed(4);
  const name = nameBytes && fromUtf8(nameBytes);
  return name === undefined || value === undefined ? undefined : { name, value };
}

/** BLAKE3 of the encoding; `undefined` for no headers (L1, L3). */
export function hashHeaders(headers: readonly Header[]): Uint8Array | undefined {
  return headers.length === 0 ? undefined : blake3(encodeHeaders(headers));
}

/** Takes little-endian fields off the front; `undefined` when the bytes run out. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  uint(length: 2 | 4): number | undefined {
    const field = this.#take(length);
    return field?.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  prefixed(lengthBytes: 2 | 4): Uint8Array | undefined {
    const length = this.uint(lengthBytes);
    return length === undefined ? undefined : this.#take(length);
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #take(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.#at) return undefined;
    this.#at += length;
    return copyBytes(this.#bytes, this.#at - length, this.#at);
  }
}

function little(length: 2 | 4, value: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => value >>> (8 * i));
}

function malformed(message: string): PyralogError<RefusalCode> {
  return new PyralogError('receipt/malformed', message);
}

function bad(what: string): Refusal {
  return refuse('receipt/malformed', `headers: ${what}`);
}
