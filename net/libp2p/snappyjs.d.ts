/** The package brings no types. */
declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /** Throws when the bytes are no snappy block or say they are longer than `lengthMax`. */
  export function uncompress(bytes: Uint8Array, lengthMax?: number): Uint8Array;
}
