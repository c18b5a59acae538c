/** Rows of every sort, packed as a segment takes them (batch.md B5). */
import { blake3Hash } from '../../native/index.ts';

export interface SegmentRow {
  readonly offset: number;
  readonly epoch: number;
  readonly timestamp: number;
  readonly id: bigint;
  readonly schema: number;
  readonly key: Uint8Array | undefined;
  readonly headers: Uint8Array | undefined;
  readonly value: Uint8Array;
}

const utf8 = new TextEncoder();

/** With and without keys and headers, keys that repeat, empty values, notary values that repeat. */
export function segmentRows(count: number, base: number): SegmentRow[] {
  return Array.from({ length: count }, (_, n) => {
    const notary = n % 5 === 3;
    return {
      offset: base + n,
      epoch: 1 + Math.floor(n / 100),
      timestamp: 1_790_000_000_000 + Math.floor(n / 3),
      id: 2n ** 60n + BigInt(7 * n),
      schema: notary ? 1 : 0,
      key: n % 4 === 1 ? undefined : utf8.encode(`key ${n % 30}`),
      headers: n % 6 === 2 ? Uint8Array.of(1, 0, 1, 0, 0x61, 2, 0, 0, 0, n & 255, 9) : undefined,
      value: notary
        ? Uint8Array.of(0x1e, 32, ...blake3Hash(utf8.encode(`${n % 20}`)))
        : utf8.encode(n % 7 === 0 ? '' : `a line of text, number ${n}`),
    };
  });
}

/** Packs rows; their leaf records hold the hashes of their parts (record.md L1). */
export function packRows(rows: readonly SegmentRow[]): Uint8Array {
  const parts = rows.map((row) => {
    const body = [row.key, row.headers, row.value].map((part) => part ?? new Uint8Array());
    const bytes = Buffer.alloc(4 + 128 + 12);
    bytes.writeUInt32LE(128 + 12 + body.reduce((sum, part) => sum + part.length, 0), 0);
    bytes.writeBigUInt64LE(BigInt(row.timestamp), 4);
    bytes.writeBigUInt64LE(row.id, 12);
    bytes.writeBigUInt64LE(BigInt(row.offset), 20);
    bytes.writeUInt32LE(row.epoch, 28);
    bytes.writeUInt32LE(row.schema, 32);
    if (row.key) bytes.set(blake3Hash(row.key), 36);
    bytes.set(blake3Hash(row.value), 68);
    if (row.headers) bytes.set(blake3Hash(row.headers), 100);
    for (const [i, part] of body.entries()) bytes.writeUInt32LE(part.length, 132 + 4 * i);
    return Buffer.concat([bytes, ...body]);
  });
  return Buffer.concat(parts);
}
