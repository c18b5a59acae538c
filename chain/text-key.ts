/** What is as short as a hash, a key or a signature. */
const SHORT_BYTES_MAX = 64;

/** Bytes as a map's key. */
export function textKey(bytes: Uint8Array): string {
  // V8 keeps so few bytes within the object; a `Buffer` of them, or a native call, would move them out for good.
  if (bytes.length <= SHORT_BYTES_MAX) return Reflect.apply(String.fromCharCode, undefined, bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
