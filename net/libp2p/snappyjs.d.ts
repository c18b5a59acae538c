/** The package brings no types. Only its compressor is used: see snappy-block.ts. */
declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
}
