/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected. */
const POLYNOMIAL = 0x82f63b78;

/** TABLES[k][b]: what byte `b` contributes when `k` bytes follow it; eight of them take eight bytes a turn. */
const TABLES = makeTables();

/** Of `bytes`, behind what `before` is the checksum of. Unsigned. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = crc ^ word(bytes, at);
    crc =
      entry(t7, low) ^
      entry(t6, low >>> 8) ^
      entry(t5, low >>> 16) ^
      entry(t4, low >>> 24) ^
      entry(t3, bytes[at + 4] ?? 0) ^
      entry(t2, bytes[at + 5] ?? 0) ^
      entry(t1, bytes[at + 6] ?? 0) ^
      entry(t0, bytes[at + 7] ?? 0);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ entry(t0, crc ^ (bytes[at] ?? 0));
  return ~crc >>> 0;
}

type Table = Int32Array;

function entry(table: Table, index: number): number {
  return table[index & 0xff] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function makeTables(): [Table, Table, Table, Table, Table, Table, Table, Table] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const next = (table: Table) => table.map((crc) => (crc >>> 8) ^ entry(first, crc));
  const second = next(first);
  const third = next(second);
  const fourth = next(third);
  const fifth = next(fourth);
  const sixth = next(fifth);
  const seventh = next(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, next(seventh)];
}
