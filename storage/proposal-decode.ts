/** Reading proposals (batch.md B1, B2, B6): for the memory log, which has no native core to do it. */
import { decodeHeaders, decodeMultihash, NOTARY_SCHEMA } from '../receipt/index.ts';
import { malformed } from './malformed.ts';
import {
  DIGESTS,
  digestBytes,
  FLAG,
  HEADER_BYTES,
  PROPOSAL_BYTES_MAX,
  PROPOSAL_RECORDS_MAX,
  type ProposedRecord,
  RECORD_BYTES,
  RECORDS,
} from './proposal.ts';

/** Reads B1 or B2; refuses everything else (B6). */
export function decodeProposal(bytes: Uint8Array): ProposedRecord[] {
  if (bytes.length > PROPOSAL_BYTES_MAX) throw malformed(`${bytes.length} bytes are too many`);
  if (bytes.length < HEADER_BYTES) throw malformed('shorter than its header');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = buffer.readUInt32LE(4);
  if (count < 1 || count > PROPOSAL_RECORDS_MAX) throw malformed(`${count} records`);
  if (buffer[0] === RECORDS) return decodeRecords(buffer, count);
  if (buffer[0] === DIGESTS) return decodeDigests(buffer, count);
  throw malformed(`unknown version ${buffer[0]}`);
}

function decodeRecords(buffer: Buffer, count: number): ProposedRecord[] {
  if (buffer[1] !== 0 || buffer[2] !== 0 || buffer[3] !== 0) throw malformed('header not zero');
  const records: ProposedRecord[] = [];
  let at = HEADER_BYTES;
  const take = (length: number) => {
    if (at + length > buffer.length) throw malformed(`record ${records.length} is cut off`);
    at += length;
    return buffer.subarray(at - length, at);
  };
  for (let i = 0; i < count; i++) {
    const head = take(RECORD_BYTES);
    const flags = head.readUInt8(0);
    if (flags > 15 || head.readUInt8(3) !== 0) throw malformed(`record ${i} has unknown flags`);
    // What an absent field has is no length; a present one may be empty, but headers would then not be there (L3).
    const has = (flag: number, length: number) => {
      const set = (flags & flag) !== 0;
      if (!set && length !== 0) throw malformed(`record ${i}: an absent field has a length`);
      return set;
    };
    const submitter = take(head.readUInt8(1));
    const idempotencyKey = take(head.readUInt8(2));
    const key = take(head.readUInt32LE(8));
    const headers = take(head.readUInt32LE(12));
    const value = take(head.readUInt32LE(16));
    has(FLAG.submitter, submitter.length);
    const record = {
      schemaId: head.readUInt32LE(4),
      value,
      submitter: text(submitter),
      ...(has(FLAG.key, key.length) ? { key } : {}),
      ...(has(FLAG.headers, headers.length) ? { headers } : {}),
      ...(has(FLAG.idempotencyKey, idempotencyKey.length)
        ? { idempotencyKey: text(idempotencyKey) }
        : {}),
    };
    checkContent(record, i);
    records.push(record);
  }
  if (at !== buffer.length) throw malformed(`${buffer.length - at} bytes behind the last record`);
  return records;
}

/** Headers and notary values are checked where they enter, so that whoever reads them later need not ask. */
function checkContent({ schemaId, value, headers }: ProposedRecord, index: number): void {
  const multihash = schemaId === NOTARY_SCHEMA ? decodeMultihash(value) : undefined;
  if (multihash?.ok === false) throw malformed(`record ${index}: ${multihash.message}`);
  const list = headers === undefined ? undefined : decodeHeaders(headers);
  if (headers?.length === 0 || list?.ok === false) {
    throw malformed(`record ${index}: headers are not as in record.md L3`);
  }
}

function decodeDigests(buffer: Buffer, count: number): ProposedRecord[] {
  const code = buffer.readUInt8(1);
  const each = digestBytes(code);
  if (buffer[3] !== 0) throw malformed('header not zero');
  const start = HEADER_BYTES + buffer.readUInt8(2);
  if (buffer.length !== start + count * each) throw malformed('lengths do not add up');
  const submitter = text(buffer.subarray(HEADER_BYTES, start));
  return Array.from({ length: count }, (_, i) => ({
    schemaId: NOTARY_SCHEMA,
    value: Buffer.concat([
      Uint8Array.of(code, each),
      buffer.subarray(start + i * each, start + (i + 1) * each),
    ]),
    submitter,
  }));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw malformed('a submitter or idempotency key is not UTF-8', cause);
  }
}
