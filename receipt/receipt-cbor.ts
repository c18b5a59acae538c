// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt on the wire: deterministic CBOR with integer keys (V1, V3, V4).
 */
import { encode } from 'cborg';
import { concat, copyBytes, equalBytes } from '../base/bytes.ts';
import { decodeCbor } from './cbor.ts';
import { decodeMultihash, encodeMultihash } from './multihash.ts';
import {
  assertWritable,
  bad,
  notCanonical,
  RECEIPT_VERSION,
  receiptProblem,
  tooLong,
  versionProblem,
} from './receipt.ts';
import { accept, type Parsed, refuse } from './refusal.ts';
import type { FinalityProof, Inclusion, Receipt, ReceiptRecord } from './types.ts';

/** Map keys of V1. */
const KEY = { version: 0, origin: 1, record: 2, inclusion: 3, checkpoint: 4, finality: 5 } as const;
/** Tags of V7. */
const KIND_CODE = { pos: 1, pow: 2 } as const;

/** Throws a `PyralogError` for a receipt no reader would accept. */
export function encodeReceiptCbor(receipt: Receipt): Uint8Array {
  assertWritable(receipt);
  const { record, inclusion, checkpoint, finality } = receipt;
  const map = new Map<number, unknown>([
    [KEY.version, RECEIPT_VERSION],
    [KEY.origin, receipt.origin],
    [
      KEY.record,
      [
        record.timestamp,
        record.scarabId,
        record.offset,
        record.epoch,
        record.schemaId,
        record.keyHash ?? null,
        encodeMultihash(record),
        record.headersHash ?? null,
      ],
    ],
  ]);
  if (inclusion) map.set(KEY.inclusion, [inclusion.size, concat(...inclusion.path)]);
  if (checkpoint !== undefined) map.set(KEY.checkpoint, checkpoint);
  if (finality) {
    map.set(
      KEY.finality,
      finality.map(({ kind, scheme, proof }) => [KIND_CODE[kind], scheme, proof]),
    );
  }
  return encode(map);
}

/** Refuses whatever is not byte for byte what `encodeReceiptCbor` writes (V3). */
export function decodeReceiptCbor(bytes: Uint8Array): Parsed<Receipt> {
  const long = tooLong(bytes.length);
  if (long !== undefined) return long;
  const map = decodeCbor(bytes);
  if (!(map instanceof Map)) return bad('not a CBOR map');
  const newer = versionProblem(map.get(KEY.version));
  if (newer !== undefined) return newer;
  const read = readMap(map);
  if (!read.ok) return read;
  const problem = receiptProblem(read.value);
  if (problem !== undefined) return problem;
  return equalBytes(encodeReceiptCbor(read.value), bytes) ? read : notCanonical();
}

function readMap(map: ReadonlyMap<unknown, unknown>): Parsed<Receipt> {
  const known: readonly unknown[] = Object.values(KEY);
  const stranger = [...map.keys()].find((key) => !known.includes(key));
  if (stranger !== undefined) return bad(`key ${String(stranger)} is not known`);
  const origin = map.get(KEY.origin);
  if (typeof origin !== 'string') return bad('origin is a text');
  const record = readRecord(map.get(KEY.record));
  if (!record.ok) return record;
  const checkpoint = map.get(KEY.checkpoint);
  if (checkpoint !== undefined && typeof checkpoint !== 'string')
    return bad('checkpoint is a text');
  const inclusion = readInclusion(map.get(KEY.inclusion));
  if (!inclusion.ok) return inclusion;
  const finality = readFinality(map.get(KEY.finality));
  if (!finality.ok) return finality;
  return accept({
    origin,
    record: record.value,
    ...(inclusion.value && { inclusion: inclusion.value }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(finality.value && { finality: finality.value }),
  });
}

function readRecord(value: unknown): Parsed<ReceiptRecord> {
  if (!Array.isArray(value) || value.length !== 8) return bad('record is an array of 8');
  const [timestamp, scarabId, offset, epoch, schemaId, keyHash, content, headersHash]: unknown[] =
    value;
  const numbers = [timestamp, offset, epoch, schemaId];
  if (!numbers.every((number) => typeof number === 'number')) {
    return bad('record: timestamp, offset, epoch and schema id are unsigned integers');
  }
  if (typeof scarabId !== 'bigint' && !Number.isSafeInteger(scarabId)) {
    return bad('record: scarab id is an unsigned integer');
  }
  if (!isHashOrNull(keyHash) || !isHashOrNull(headersHash)) {
    return bad('record: key hash and headers hash are bytes or null');
  }
  const digest = content instanceof Uint8Array ? decodeMultihash(content) : bad('value is bytes');
  if (!digest.ok) return digest;
  return accept({
    timestamp: Number(timestamp),
    scarabId: BigInt(scarabId as bigint | number),
    offset: Number(offset),
    epoch: Number(epoch),
    schemaId: Number(schemaId),
    ...(keyHash && { keyHash }),
    ...digest.value,
    ...(headersHash && { headersHash }),
  });
}

function isHashOrNull(value: unknown): value is Uint8Array | null {
  return value === null || value instanceof Uint8Array;
}

function readInclusion(value: unknown): Parsed<Inclusion | undefined> {
  if (value === undefined) return accept(undefined);
  const [size, hashes]: unknown[] = Array.isArray(value) && value.length === 2 ? value : [];
  if (typeof size !== 'number' || !(hashes instanceof Uint8Array) || hashes.length % 32 !== 0) {
    return bad('inclusion is an array of size and path, 32 bytes a hash');
  }
  const path = Array.from({ length: hashes.length / 32 }, (_, i) =>
    copyBytes(hashes, 32 * i, 32 * (i + 1)),
  );
  return accept({ size, path });
}

function readFinality(value: unknown): Parsed<FinalityProof[] | undefined> {
  if (value === undefined) return accept(undefined);
  if (!Array.isArray(value)) return bad('finality is an array');
  const proofs: FinalityProof[] = [];
  for (const entry of value) {
    const [code, scheme, proof]: unknown[] =
      Array.isArray(entry) && entry.length === 3 ? entry : [];
    const kind = code === KIND_CODE.pos ? 'pos' : code === KIND_CODE.pow && 'pow';
    if (!kind) return refuse('receipt/finality-unknown', 'finality: a kind of chain unknown here');
    if (typeof scheme !== 'number' || !(proof instanceof Uint8Array)) {
      return bad('finality: a proof is an array of kind, scheme and bytes');
    }
    proofs.push({ kind, scheme, proof });
  }
  return accept(proofs);
}
