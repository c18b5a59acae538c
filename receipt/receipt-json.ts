// SPDX-License-Identifier: Apache-2.0
/**
 * The receipt in files: JSON a person can read (V2, V3, V4).
 *
 * A file has one spelling: fields in one order, one kind of white space. So any
 * edit is noticed, even one that does not change the meaning.
 */
import {
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  toUtf8,
} from '../base/bytes.ts';
import { parseSafe, parseU64 } from '../base/decimal.ts';
import { type Fields, fieldProblem, formatJson, isFields, parseJson } from './fields.ts';
import { isDigestAlgorithm } from './multihash.ts';
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

/** The bytes of a receipt file. Throws a `PyralogError` for a receipt no reader would accept. */
export function encodeReceiptJson(receipt: Receipt): Uint8Array {
  return toUtf8(formatJson(receiptToJson(receipt)));
}

/** Reads the bytes of a file; refuses whatever `encodeReceiptJson` would not write (V3). */
export function decodeReceiptJson(bytes: Uint8Array): Parsed<Receipt> {
  const long = tooLong(bytes.length);
  if (long !== undefined) return long;
  const text = fromUtf8(bytes);
  const value = text === undefined ? undefined : parseJson(text);
  if (value === undefined) return bad('not JSON in UTF-8');
  const read = receiptFromJson(value);
  return read.ok && !equalBytes(encodeReceiptJson(read.value), bytes) ? notCanonical() : read;
}

/** The JSON value of V2, for a file or an RPC answer. Throws like {@link encodeReceiptJson}. */
export function receiptToJson(receipt: Receipt): Record<string, unknown> {
  assertWritable(receipt);
  const { record, inclusion, checkpoint, finality } = receipt;
  return {
    pyralog: 'receipt',
    version: RECEIPT_VERSION,
    origin: receipt.origin,
    record: {
      timestamp: String(record.timestamp),
      scarabId: String(record.scarabId),
      offset: String(record.offset),
      epoch: record.epoch,
      schemaId: record.schemaId,
      ...(record.keyHash && { keyHash: toHex(record.keyHash) }),
      algorithm: record.algorithm,
      digest: toHex(record.digest),
      ...(record.headersHash && { headersHash: toHex(record.headersHash) }),
    },
    ...(inclusion && {
      inclusion: { size: String(inclusion.size), path: inclusion.path.map(toBase64) },
    }),
    ...(checkpoint !== undefined && { checkpoint: checkpoint.slice(0, -1).split('\n') }),
    ...(finality && {
      finality: finality.map(({ kind, scheme, proof }) => ({
        kind,
        scheme,
        proof: toBase64(proof),
      })),
    }),
  };
}

/** Reads the JSON value of V2, for example an RPC parameter; the order of its fields is free. */
export function receiptFromJson(value: unknown): Parsed<Receipt> {
  if (!isFields(value) || value['pyralog'] !== 'receipt') {
    return bad('not a JSON object with "pyralog": "receipt"');
  }
  const newer = versionProblem(value['version']);
  if (newer !== undefined) return newer;
  const problem = fieldProblem(
    value,
    ['pyralog', 'version', 'origin', 'record'],
    ['inclusion', 'checkpoint', 'finality'],
  );
  if (problem !== undefined) return bad(problem);
  const read = readReceipt(value);
  if (!read.ok) return read;
  return receiptProblem(read.value) ?? read;
}

function readReceipt(value: Fields): Parsed<Receipt> {
  const origin = value['origin'];
  if (typeof origin !== 'string') return bad('origin is a text');
  const record = readRecord(value['record']);
  if (!record.ok) return record;
  const inclusion = readInclusion(value['inclusion']);
  if (!inclusion.ok) return inclusion;
  const checkpoint = readCheckpoint(value['checkpoint']);
  if (!checkpoint.ok) return checkpoint;
  const finality = readFinality(value['finality']);
  if (!finality.ok) return finality;
  return accept({
    origin,
    record: record.value,
    ...(inclusion.value && { inclusion: inclusion.value }),
    ...(checkpoint.value !== undefined && { checkpoint: checkpoint.value }),
    ...(finality.value && { finality: finality.value }),
  });
}

function readRecord(value: unknown): Parsed<ReceiptRecord> {
  if (!isFields(value)) return bad('record is an object');
  const problem = fieldProblem(
    value,
    ['timestamp', 'scarabId', 'offset', 'epoch', 'schemaId', 'algorithm', 'digest'],
    ['keyHash', 'headersHash'],
  );
  if (problem !== undefined) return bad(`record: ${problem}`);
  const { timestamp, scarabId, offset, epoch, schemaId, algorithm } = {
    timestamp: parseSafe(textOf(value['timestamp'])),
    scarabId: parseU64(textOf(value['scarabId'])),
    offset: parseSafe(textOf(value['offset'])),
    epoch: value['epoch'],
    schemaId: value['schemaId'],
    algorithm: value['algorithm'],
  };
  if (timestamp === undefined || scarabId === undefined || offset === undefined) {
    return bad('record: timestamp, scarabId and offset are decimal strings in their bounds');
  }
  if (typeof epoch !== 'number' || typeof schemaId !== 'number') {
    return bad('record: epoch and schemaId are numbers');
  }
  if (!isDigestAlgorithm(algorithm)) return bad('record: algorithm is sha256, sha512 or blake3');
  const hashes = readHashes(value);
  if (!hashes.ok) return hashes;
  return accept({ timestamp, scarabId, offset, epoch, schemaId, algorithm, ...hashes.value });
}

function readHashes(
  value: Fields,
): Parsed<Pick<ReceiptRecord, 'digest' | 'keyHash' | 'headersHash'>> {
  const hashes: Record<string, Uint8Array> = {};
  for (const name of ['digest', 'keyHash', 'headersHash']) {
    if (!Object.hasOwn(value, name)) continue;
    const bytes = fromHex(textOf(value[name], 'not hex'));
    if (bytes === undefined) return bad(`record: ${name} is lower-case hex`);
    hashes[name] = bytes;
  }
  const { digest = new Uint8Array(0), ...others } = hashes;
  return accept({ digest, ...others });
}

function readInclusion(value: unknown): Parsed<Inclusion | undefined> {
  if (value === undefined) return accept(undefined);
  if (!isFields(value)) return bad('inclusion is an object');
  const problem = fieldProblem(value, ['size', 'path']);
  if (problem !== undefined) return bad(`inclusion: ${problem}`);
  const size = parseSafe(textOf(value['size']));
  if (size === undefined) return bad('inclusion: size is a decimal string');
  if (!Array.isArray(value['path'])) return bad('inclusion: path is a list');
  const path: Uint8Array[] = [];
  for (const hash of value['path']) {
    const bytes = fromBase64(textOf(hash));
    if (bytes?.length !== 32) return bad('inclusion: path is a list of base64, 32 bytes a hash');
    path.push(bytes);
  }
  return accept({ size, path });
}

function readCheckpoint(value: unknown): Parsed<string | undefined> {
  if (value === undefined) return accept(undefined);
  const isLine = (line: unknown) => typeof line === 'string' && !line.includes('\n');
  return Array.isArray(value) && value.every(isLine)
    ? accept(`${value.join('\n')}\n`)
    : bad('checkpoint is a list of lines without line feeds');
}

function readFinality(value: unknown): Parsed<FinalityProof[] | undefined> {
  if (value === undefined) return accept(undefined);
  if (!Array.isArray(value)) return bad('finality is a list');
  const proofs: FinalityProof[] = [];
  for (const entry of value) {
    if (!isFields(entry)) return bad('finality is a list of objects');
    const { kind, scheme, proof } = { kind: undefined, scheme: undefined, proof: '?', ...entry };
    if (kind !== 'pos' && kind !== 'pow') {
      return refuse('receipt/finality-unknown', 'finality: a kind of chain unknown here');
    }
    const problem = fieldProblem(entry, ['kind', 'scheme', 'proof']);
    const bytes = fromBase64(textOf(proof, '?'));
    if (problem !== undefined || typeof scheme !== 'number' || bytes === undefined) {
      return bad(`finality: ${problem ?? 'scheme is a number, proof is base64'}`);
    }
    proofs.push({ kind, scheme, proof: bytes });
  }
  return accept(proofs);
}

/** The text, or something no parser of ours accepts. */
function textOf(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}
