/**
 * Proposals: how records cross from TypeScript into the native core (batch.md B1, B2).
 *
 * One packed buffer a batch, because an object a record would cost more than the disk does.
 */
import { NOTARY_SCHEMA } from '../receipt/index.ts';
import { malformed } from './malformed.ts';

/** Records of one proposal (B1). */
export const PROPOSAL_RECORDS_MAX = 65_536;
/** Bytes of one proposal (B1). */
export const PROPOSAL_BYTES_MAX = 16 * 1024 * 1024;
/** Header of both versions: version, three bytes that differ, count. */
export const HEADER_BYTES = 8;
/** What stands before a record's variable fields (B1). */
export const RECORD_BYTES = 20;

/** Version bytes. */
export const RECORDS = 1;
export const DIGESTS = 2;
/** Which fields a record has. */
export const FLAG = { key: 1, headers: 2, submitter: 4, idempotencyKey: 8 } as const;

/** Multihash codes and digest lengths (record.md L4). */
const DIGEST_BYTES: ReadonlyMap<number, number> = new Map([
  [0x12, 32],
  [0x13, 64],
  [0x1e, 32],
]);

/** One record of a proposal. */
export interface ProposedRecord {
  /** 0 = opaque bytes, 1 = notary value. */
  readonly schemaId: number;
  readonly value: Uint8Array;
  readonly key?: Uint8Array;
  /** Encoded headers (record.md L3), not empty. */
  readonly headers?: Uint8Array;
  /** UTF-8 of at most 255 bytes; '' = anonymous. */
  readonly submitter: string;
  /** UTF-8 of 1 to 255 bytes. */
  readonly idempotencyKey?: string;
}

/** One digest of a notary proposal. */
export interface ProposedDigest {
  /** Multihash code. */
  readonly code: number;
  readonly digest: Uint8Array;
  readonly submitter: string;
  readonly idempotencyKey?: string | undefined;
}

/** Many digests of one algorithm and submitter, back to back. */
export interface DigestRun {
  readonly code: number;
  readonly submitter: string;
  readonly digests: Uint8Array;
}

/**
 * Records as B1. Throws `batch/malformed` beyond the limits.
 *
 * Each field is written once, straight into the batch: an object a field costs as much as making the record durable.
 */
export function encodeProposal(records: readonly ProposedRecord[]): Uint8Array {
  let bytes = HEADER_BYTES;
  for (const { submitter, idempotencyKey, key, headers, value } of records) {
    bytes += RECORD_BYTES + textBytes(submitter) + textBytes(idempotencyKey ?? '');
    bytes += (key?.length ?? 0) + (headers?.length ?? 0) + value.length;
  }
  const out = begin(RECORDS, records.length, bytes);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  let at = HEADER_BYTES;
  for (const record of records) {
    const start = at;
    const { submitter, idempotencyKey = '', key, headers, value } = record;
    at += RECORD_BYTES;
    const submitterBytes = submitter === '' ? 0 : out.write(submitter, at);
    at += submitterBytes;
    const idempotencyBytes = idempotencyKey === '' ? 0 : out.write(idempotencyKey, at);
    at += idempotencyBytes;
    out[start] = flagsOf(record);
    out[start + 1] = shortLength('submitter', submitterBytes);
    out[start + 2] = shortLength('idempotency key', idempotencyBytes);
    out[start + 3] = 0;
    view.setUint32(start + 4, record.schemaId, true);
    view.setUint32(start + 8, key?.length ?? 0, true);
    view.setUint32(start + 12, headers?.length ?? 0, true);
    view.setUint32(start + 16, value.length, true);
    if (key !== undefined) at = put(out, key, at);
    if (headers !== undefined) at = put(out, headers, at);
    at = put(out, value, at);
  }
  return out;
}

/** Of most records: none. */
function textBytes(text: string): number {
  return text === '' ? 0 : Buffer.byteLength(text);
}

/** Bytes up to which a loop costs less than a call that copies. */
const LOOP_BYTES_MAX = 24;

/** Writes a field and returns where the next begins. */
function put(out: Uint8Array, field: Uint8Array, at: number): number {
  if (field.length > LOOP_BYTES_MAX) out.set(field, at);
  else for (let i = 0; i < field.length; i++) out[at + i] = field[i] ?? 0;
  return at + field.length;
}

function flagsOf({ key, headers, submitter, idempotencyKey }: ProposedRecord): number {
  return (
    (key === undefined ? 0 : FLAG.key) |
    (headers === undefined ? 0 : FLAG.headers) |
    (submitter === '' ? 0 : FLAG.submitter) |
    (idempotencyKey === undefined ? 0 : FLAG.idempotencyKey)
  );
}

/** Digests of one algorithm and submitter as B2. Throws `batch/malformed` beyond the limits. */
export function encodeDigests(run: DigestRun): Uint8Array {
  const each = digestBytes(run.code);
  const submitter = Buffer.from(run.submitter);
  if (run.digests.length % each !== 0) {
    throw malformed(`${run.digests.length} bytes are not a whole number of ${each}-byte digests`);
  }
  const count = run.digests.length / each;
  const out = begin(DIGESTS, count, HEADER_BYTES + submitter.length + run.digests.length);
  out[1] = run.code;
  out[2] = shortLength('submitter', submitter.length);
  out.set(submitter, HEADER_BYTES);
  out.set(run.digests, HEADER_BYTES + submitter.length);
  return out;
}

/**
 * Notary submissions in the shortest form: B2 when they share algorithm and submitter and none has a key, else B1.
 *
 * This is on the path of every single submission, so it writes each field once, straight into the batch.
 */
export function encodeNotaryProposal(items: readonly ProposedDigest[]): Uint8Array {
  const first = items[0];
  if (first === undefined) throw malformed('no records');
  let uniform = true;
  let bytes = HEADER_BYTES;
  for (const item of items) {
    uniform &&=
      item.idempotencyKey === undefined &&
      item.code === first.code &&
      item.submitter === first.submitter;
    bytes += RECORD_BYTES + 2 + item.digest.length + 3 * item.submitter.length;
    bytes += 3 * (item.idempotencyKey?.length ?? 0);
  }
  return uniform ? writeUniform(items, first) : writeMixed(items, bytes);
}

function writeUniform(items: readonly ProposedDigest[], first: ProposedDigest): Uint8Array {
  const each = digestBytes(first.code);
  const submitterBytes = first.submitter === '' ? 0 : Buffer.byteLength(first.submitter);
  const out = begin(DIGESTS, items.length, HEADER_BYTES + submitterBytes + items.length * each);
  out[1] = first.code;
  out[2] = shortLength('submitter', submitterBytes);
  let at = HEADER_BYTES + (submitterBytes === 0 ? 0 : out.write(first.submitter, HEADER_BYTES));
  for (const { digest } of items) {
    if (digest.length !== each) throw malformed(`a digest has ${digest.length} bytes, not ${each}`);
    out.set(digest, at);
    at += each;
  }
  return out;
}

/** `bytesMax` is an upper bound: UTF-8 takes at most three bytes a UTF-16 unit. */
function writeMixed(items: readonly ProposedDigest[], bytesMax: number): Uint8Array {
  const out = begin(RECORDS, items.length, bytesMax);
  let at = HEADER_BYTES;
  for (const { code, digest, submitter, idempotencyKey } of items) {
    if (digest.length !== digestBytes(code)) {
      throw malformed(`a digest has ${digest.length} bytes, not ${digestBytes(code)}`);
    }
    const start = at;
    at += RECORD_BYTES;
    const submitterBytes = submitter === '' ? 0 : out.write(submitter, at);
    at += submitterBytes;
    const keyBytes = idempotencyKey === undefined ? 0 : out.write(idempotencyKey, at);
    at += keyBytes;
    out[start] =
      (submitterBytes === 0 ? 0 : FLAG.submitter) | (keyBytes === 0 ? 0 : FLAG.idempotencyKey);
    out[start + 1] = shortLength('submitter', submitterBytes);
    out[start + 2] = shortLength('idempotency key', keyBytes);
    out[start + 3] = 0;
    out.writeUInt32LE(NOTARY_SCHEMA, start + 4);
    out.writeUInt32LE(0, start + 8);
    out.writeUInt32LE(0, start + 12);
    out.writeUInt32LE(2 + digest.length, start + 16);
    out[at] = code;
    out[at + 1] = digest.length;
    out.set(digest, at + 2);
    at += 2 + digest.length;
  }
  return out.subarray(0, at);
}

function begin(version: number, count: number, bytes: number): Buffer {
  if (count < 1 || count > PROPOSAL_RECORDS_MAX) {
    throw malformed(`${count} records; 1 to ${PROPOSAL_RECORDS_MAX} are allowed`);
  }
  if (bytes > PROPOSAL_BYTES_MAX) {
    throw malformed(`${bytes} bytes; at most ${PROPOSAL_BYTES_MAX} are allowed`);
  }
  const out = Buffer.allocUnsafe(bytes);
  out.fill(0, 0, HEADER_BYTES);
  out[0] = version;
  out.writeUInt32LE(count, 4);
  return out;
}

/** Length of a digest of this multihash code. */
export function digestBytes(code: number): number {
  const bytes = DIGEST_BYTES.get(code);
  if (bytes === undefined) throw malformed(`unknown multihash code ${code}`);
  return bytes;
}

function shortLength(field: string, bytes: number): number {
  if (bytes > 255) throw malformed(`a ${field} of ${bytes} bytes; at most 255 are allowed`);
  return bytes;
}
