// SPDX-License-Identifier: Apache-2.0
/**
 * The leaf record: 128 bytes a log position commits to (L1, L2).
 *
 * It holds hashes of key, value and headers, never their bytes: receipts stay
 * small, and payloads can be dropped without touching the tree.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { copyBytes, isZero } from '../base/bytes.ts';
import { isU64, isUint, U32_MAX } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { encodeMultihash } from './multihash.ts';
import { accept, type Parsed, type RefusalCode, refuse } from './refusal.ts';
import type { LeafRecord, ReceiptRecord, RecordPosition } from './types.ts';

/** Two BLAKE3 blocks (L1). */
export const LEAF_RECORD_BYTES = 128;
/** Schema of records whose value is a multihash (L4). */
export const NOTARY_SCHEMA = 1;
/** Ids from here on are registered schemas; those below are of the formats themselves (J1). */
export const FIRST_SCHEMA = 256;

/** The 128 bytes of L1. Throws `receipt/malformed` for values outside L2. */
export function encodeLeafRecord(record: LeafRecord): Uint8Array {
  const problem = positionProblem(record);
  if (problem !== undefined) throw new PyralogError<RefusalCode>('receipt/malformed', problem);
  if (record.valueHash.length !== 32) {
    throw new PyralogError<RefusalCode>('receipt/malformed', 'a value hash has 32 bytes');
  }
  const bytes = new Uint8Array(LEAF_RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(record.timestamp), true);
  view.setBigUint64(8, record.scarabId, true);
  view.setBigUint64(16, BigInt(record.offset), true);
  view.setUint32(24, record.epoch, true);
  view.setUint32(28, record.schemaId, true);
  if (record.keyHash !== undefined) bytes.set(record.keyHash, 32);
  bytes.set(record.valueHash, 64);
  if (record.headersHash !== undefined) bytes.set(record.headersHash, 96);
  return bytes;
}

/** Reads the 128 bytes of L1; refuses any other length and values outside L2. */
export function decodeLeafRecord(bytes: Uint8Array): Parsed<LeafRecord> {
  if (bytes.length !== LEAF_RECORD_BYTES) {
    return refuse('receipt/malformed', `a leaf record has 128 bytes, this one ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const keyHash = copyBytes(bytes, 32, 64);
  const headersHash = copyBytes(bytes, 96);
  const record: LeafRecord = {
    timestamp: Number(view.getBigUint64(0, true)),
    scarabId: view.getBigUint64(8, true),
    offset: Number(view.getBigUint64(16, true)),
    epoch: view.getUint32(24, true),
    schemaId: view.getUint32(28, true),
    valueHash: copyBytes(bytes, 64, 96),
    ...(isZero(keyHash) ? {} : { keyHash }),
    ...(isZero(headersHash) ? {} : { headersHash }),
  };
  const problem = positionProblem(record);
  return problem === undefined ? accept(record) : refuse('receipt/malformed', problem);
}

/** The leaf record of a receipt: its value is hashed (L1, L4). */
export function leafRecordOf(record: ReceiptRecord): LeafRecord {
  const { algorithm, digest, ...position } = record;
  return { ...position, valueHash: blake3(encodeMultihash({ algorithm, digest })) };
}

/** The first thing wrong with the fields beside the content (L1, L2). */
export function positionProblem(record: RecordPosition): string | undefined {
  if (!isUint(record.timestamp)) return 'record: timestamp is 0 to 2^53 − 1';
  if (!isU64(record.scarabId)) return 'record: scarab id is 0 to 2^64 − 1';
  if (!isUint(record.offset)) return 'record: offset is 0 to 2^53 − 1';
  if (!isUint(record.epoch, U32_MAX) || record.epoch === 0) {
    return 'record: epoch is 1 to 2^32 − 1';
  }
  if (!isUint(record.schemaId, U32_MAX)) return 'record: schema id is 0 to 2^32 − 1';
  return hashProblem('key', record.keyHash) ?? hashProblem('headers', record.headersHash);
}

/** Zero bytes stand for "none" in the leaf, so a hash that is there must not be zero. */
function hashProblem(name: string, hash: Uint8Array | undefined): string | undefined {
  if (hash === undefined || (hash.length === 32 && !isZero(hash))) return undefined;
  return `record: ${name} hash is 32 bytes, not all zero, or absent`;
}
