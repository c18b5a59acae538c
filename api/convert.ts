// SPDX-License-Identifier: Apache-2.0
/**
 * Between the domain (bigints, bytes) and the wire (decimal strings, hex), for both ends of the connection.
 *
 * `…ToWire` cannot fail: the value is ours. `…FromWire` reads what a schema has let through or what a server sent; it
 * gives a {@link Misread} where the schema cannot say it all, such as a digest that is too short for its algorithm.
 */
import { fromBase64, fromHex, toBase64, toHex } from '../base/bytes.ts';
import { parseSafe, parseU64 } from '../base/decimal.ts';
import {
  type DigestAlgorithm,
  digestBytes,
  type Receipt,
  receiptFromJson,
  receiptToJson,
} from '../receipt/index.ts';
import { utf8Bytes } from './bytes.ts';
import type { MethodResult } from './methods.ts';
import {
  type LogInfoWire,
  NAME_BYTES_MAX,
  type StatusWire,
  type SubmissionWire,
} from './schemas.ts';
import type { LogInfo, RecordStatus, Submitted } from './types.ts';

type ReceiptWire = MethodResult<'notary_receipt'>;

/** A value that could not be read: a code and what was wrong. A value, not an exception: input is often bad. */
export class Misread {
  readonly code: string;
  readonly message: string;

  constructor(code: string, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** A Scarab id. */
export function idFromWire(text: string): bigint | Misread {
  return parseU64(text) ?? invalid('id is not a decimal number below 2^64');
}

/** A time, size or offset: at most 2^53 − 1 (record.md L2). */
export function countFromWire(text: string, name: string): number | Misread {
  return parseSafe(text) ?? invalid(`${name} is not a decimal number below 2^53`);
}

export function digestFromWire(algorithm: DigestAlgorithm, hex: string): Uint8Array | Misread {
  const bytes = fromHex(hex);
  if (bytes === undefined) return invalid('digest is not lower-case hex');
  const expected = digestBytes(algorithm);
  if (bytes.length === expected) return bytes;
  return invalid(`digest has ${bytes.length} bytes, ${algorithm} has ${expected}`);
}

/** Submitter or idempotency key; the schema counts characters, the format bytes. */
export function nameFromWire(text: string, name: string): string | Misread {
  if (utf8Bytes(text) > NAME_BYTES_MAX) {
    return invalid(`${name} is longer than ${NAME_BYTES_MAX} bytes of UTF-8`);
  }
  return text.isWellFormed() ? text : invalid(`${name} is not well-formed Unicode`);
}

export function receiptFromWire(value: unknown): Receipt | Misread {
  const parsed = receiptFromJson(value);
  return parsed.ok ? parsed.value : new Misread(parsed.code, parsed.message);
}

/** The JSON form (receipt.md V2); its shape is the schema's, which a test holds. */
export function receiptToWire(receipt: Receipt): ReceiptWire {
  return receiptToJson(receipt) as ReceiptWire;
}

export function submittedToWire(submitted: Submitted): SubmissionWire {
  const wire: SubmissionWire = {
    id: submitted.id.toString(),
    origin: submitted.origin,
    level: submitted.level,
    duplicate: submitted.duplicate,
    epoch: submitted.epoch,
    offset: submitted.offset.toString(),
    timestamp: submitted.timestamp.toString(),
  };
  if (submitted.receipt !== undefined) wire.receipt = receiptToWire(submitted.receipt);
  return wire;
}

export function submittedFromWire(wire: SubmissionWire): Submitted | Misread {
  const id = idFromWire(wire.id);
  if (id instanceof Misread) return id;
  const offset = countFromWire(wire.offset, 'offset');
  if (offset instanceof Misread) return offset;
  const timestamp = countFromWire(wire.timestamp, 'timestamp');
  if (timestamp instanceof Misread) return timestamp;
  const { origin, level, duplicate, epoch } = wire;
  const submitted = { id, origin, level, duplicate, epoch, offset, timestamp };
  if (wire.receipt === undefined) return submitted;
  const receipt = receiptFromWire(wire.receipt);
  return receipt instanceof Misread ? receipt : { ...submitted, receipt };
}

export function statusToWire(status: RecordStatus): StatusWire {
  return {
    id: status.id.toString(),
    origin: status.origin,
    level: status.level,
    offset: status.offset.toString(),
    epoch: status.epoch,
    timestamp: status.timestamp.toString(),
    algorithm: status.algorithm,
    digest: toHex(status.digest),
  };
}

export function statusFromWire(wire: StatusWire): RecordStatus | Misread {
  const id = idFromWire(wire.id);
  if (id instanceof Misread) return id;
  const offset = countFromWire(wire.offset, 'offset');
  if (offset instanceof Misread) return offset;
  const timestamp = countFromWire(wire.timestamp, 'timestamp');
  if (timestamp instanceof Misread) return timestamp;
  const digest = digestFromWire(wire.algorithm, wire.digest);
  if (digest instanceof Misread) return digest;
  const { origin, level, epoch, algorithm } = wire;
  return { id, origin, level, offset, epoch, timestamp, algorithm, digest };
}

export function logInfoToWire(info: LogInfo): LogInfoWire {
  const wire: LogInfoWire = {
    origin: info.origin,
    partition: info.partition,
    size: info.size.toString(),
    firstOffset: info.firstOffset.toString(),
    dedupWindowMs: info.dedupWindowMs.toString(),
    dedupRecords: info.dedupRecords.toString(),
    durability: info.durability,
    ackPolicy: info.ackPolicy,
    replicas: info.replicas,
  };
  if (info.checkpoint !== undefined) {
    const { size, note, sha256Note } = info.checkpoint;
    wire.checkpoint = { size: size.toString(), note };
    if (sha256Note !== undefined) wire.checkpoint.sha256Note = sha256Note;
  }
  return wire;
}

export function logInfoFromWire(wire: LogInfoWire): LogInfo | Misread {
  const size = countFromWire(wire.size, 'size');
  if (size instanceof Misread) return size;
  const firstOffset = countFromWire(wire.firstOffset, 'firstOffset');
  if (firstOffset instanceof Misread) return firstOffset;
  const dedupWindowMs = countFromWire(wire.dedupWindowMs, 'dedupWindowMs');
  if (dedupWindowMs instanceof Misread) return dedupWindowMs;
  const dedupRecords = countFromWire(wire.dedupRecords, 'dedupRecords');
  if (dedupRecords instanceof Misread) return dedupRecords;
  const { origin, partition, durability, ackPolicy, replicas } = wire;
  const window = { dedupWindowMs, dedupRecords };
  const info = { origin, partition, size, firstOffset, ...window, durability, ackPolicy, replicas };
  if (wire.checkpoint === undefined) return info;
  const covered = countFromWire(wire.checkpoint.size, 'checkpoint size');
  if (covered instanceof Misread) return covered;
  return { ...info, checkpoint: { ...wire.checkpoint, size: covered } };
}

export function pathToWire(path: readonly Uint8Array[]): { path: string[] } {
  return { path: path.map(toBase64) };
}

export function pathFromWire(wire: { path: readonly string[] }): Uint8Array[] | Misread {
  const path: Uint8Array[] = [];
  for (const text of wire.path) {
    const hash = fromBase64(text);
    if (hash?.length !== 32) return invalid('a hash of the path is not base64 of 32 bytes');
    path.push(hash);
  }
  return path;
}

function invalid(message: string): Misread {
  return new Misread('rpc/invalid-params', message);
}
