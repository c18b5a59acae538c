/** Bytes in one piece or several, as libp2p hands them on. */
export interface Bytes {
  readonly byteLength: number;
  subarray(from?: number, to?: number): Uint8Array;
}
