// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes and their three texts: hex, base64, UTF-8.
 *
 * Readers are strict: every byte string has exactly one text that is accepted, so
 * that a file that was read and written again is the same file. A text that is
 * not that one gives `undefined`; the caller knows the place and words the error.
 */

const HEX = '0123456789abcdef';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_SHAPE = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const BASE64_VALUE = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, BASE64.indexOf(String.fromCharCode(code))),
);

// Every browser and Node have them; the published build carries the types of none.
declare const btoa: (latin1: string) => string;
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
declare const TextDecoder: new (
  label: 'utf-8',
  options: { fatal: true; ignoreBOM: true },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX.charAt(byte >>> 4) + HEX.charAt(byte & 15);
  return text;
}

/** Lower-case hex of whole bytes, nothing else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const value = (hexValue(text.charCodeAt(2 * i)) << 4) | hexValue(text.charCodeAt(2 * i + 1));
    if (value < 0) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

/** Of a lower-case hex digit's code; negative for anything else, and so is whatever it is combined with. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

/** Bytes turned into text at once: whole groups of three, few enough to be arguments of one call. */
const BASE64_STEP = 6_144;

/** Standard alphabet, padded (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  if (bytes.length <= BASE64_STEP) return btoa(latin1(bytes));
  let text = '';
  for (let at = 0; at < bytes.length; at += BASE64_STEP) {
    text += btoa(latin1(bytes.subarray(at, at + BASE64_STEP)));
  }
  return text;
}

/** One character a byte. */
function latin1(bytes: Uint8Array): string {
  // Spread would walk an iterator; the list itself is taken as it is.
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}

/** Standard alphabet, padded, unused bits zero (RFC 4648 §3.5), no white space. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!BASE64_SHAPE.test(text)) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3);
  const value = (at: number) => BASE64_VALUE[text.charCodeAt(at)] ?? 0;
  for (let at = 0, to = 0; at < text.length; at += 4, to += 3) {
    const bits = (value(at) << 18) | (value(at + 1) << 12) | (value(at + 2) << 6) | value(at + 3);
    bytes[to] = bits >>> 16;
    bytes[to + 1] = bits >>> 8;
    bytes[to + 2] = bits;
  }
  const length = bytes.length - padding;
  return bytes.subarray(length).every((byte) => byte === 0) ? bytes.slice(0, length) : undefined;
}

/** UTF-8 of a text; a lone surrogate becomes U+FFFD, so check `isWellFormed()` where that matters. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of well-formed UTF-8; a byte order mark stays part of it. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // the one thing a fatal decoder reports: malformed input
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether two public byte strings are the same. Not for secrets: it stops at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** A plain copy of a part: `slice` of a Node `Buffer` would be a view into memory that its owner may reuse. */
export function copyBytes(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}
