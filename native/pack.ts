/** Lists of bytes as they cross the binding: one string each way, so that a call costs one copy. */

/** u32le length and bytes of each input. */
export function packInputs(inputs: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(inputs.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const input of inputs) {
    view.setUint32(at, input.length, true);
    packed.set(input, at + 4);
    at += 4 + input.length;
  }
  return packed;
}

/** Hashes of 32 bytes that came back to back. */
export function hashesOf(joined: Uint8Array): Uint8Array[] {
  return Array.from({ length: joined.length / 32 }, (_, i) =>
    joined.subarray(32 * i, 32 * (i + 1)),
  );
}
