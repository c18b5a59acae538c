/** Rows: how records come back from the log (batch.md B5). */
import { decodeLeafRecord } from '../receipt/index.ts';
import { malformed } from './malformed.ts';
import type { LogRow } from './types.ts';

const LEAF_BYTES = 128;
/** Length of the row, leaf record, three lengths. */
const FIXED_BYTES = 4 + LEAF_BYTES + 12;

/** Reads packed rows; refuses lengths that do not add up and leaf records outside record.md L2 (B6). */
export function decodeRows(packed: Uint8Array): LogRow[] {
  const buffer = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows: LogRow[] = [];
  let at = 0;
  while (at < buffer.length) {
    if (at + FIXED_BYTES > buffer.length) throw malformed(`row ${rows.length} is cut off`);
    const end = at + 4 + buffer.readUInt32LE(at);
    if (end > buffer.length) throw malformed(`row ${rows.length} is cut off`);
    rows.push(decodeRow(buffer.subarray(at + 4, end), rows.length));
    at = end;
  }
  return rows;
}

function decodeRow(row: Buffer, index: number): LogRow {
  if (row.length < LEAF_BYTES + 12) throw malformed(`row ${index} is cut off`);
  const leaf = row.subarray(0, LEAF_BYTES);
  const record = decodeLeafRecord(leaf);
  if (!record.ok) throw malformed(`row ${index}: ${record.message}`);
  const keyEnd = FIXED_BYTES - 4 + row.readUInt32LE(LEAF_BYTES);
  const headersEnd = keyEnd + row.readUInt32LE(LEAF_BYTES + 4);
  if (headersEnd + row.readUInt32LE(LEAF_BYTES + 8) !== row.length) {
    throw malformed(`row ${index}: lengths do not add up`);
  }
  return {
    record: record.value,
    leaf,
    value: row.subarray(headersEnd),
    ...(record.value.keyHash === undefined ? {} : { key: row.subarray(FIXED_BYTES - 4, keyEnd) }),
    ...(record.value.headersHash === undefined
      ? {}
      : { headers: row.subarray(keyEnd, headersEnd) }),
  };
}

export function encodeRow(row: LogRow): Uint8Array {
  const key = row.key ?? new Uint8Array();
  const headers = row.headers ?? new Uint8Array();
  const lengths = Buffer.alloc(12);
  lengths.writeUInt32LE(key.length, 0);
  lengths.writeUInt32LE(headers.length, 4);
  lengths.writeUInt32LE(row.value.length, 8);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(LEAF_BYTES + 12 + key.length + headers.length + row.value.length);
  return Buffer.concat([head, row.leaf, lengths, key, headers, row.value]);
}
