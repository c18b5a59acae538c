/** Outcomes: what each record of a proposal came to (batch.md B4). */
import { malformed } from './malformed.ts';

export const OUTCOME_BYTES = 40;

/** In the order of the status byte. */
const STATUS = ['new', 'duplicate', 'conflict'] as const;

export interface Outcome {
  readonly status: (typeof STATUS)[number];
  /** Of the record itself; for a duplicate of the first one; for a conflict of the one that holds the key. */
  readonly epoch: number;
  readonly offset: number;
  readonly id: bigint;
  /** Unix milliseconds. */
  readonly timestamp: number;
}

/** Reads the `index`-th of packed outcomes, without touching the others. */
export function outcomeAt(outcomes: Uint8Array, index: number): Outcome {
  return readOutcome(bufferOf(outcomes), index);
}

/** Reads all; refuses a length that is not `count` outcomes (B6). */
export function decodeOutcomes(outcomes: Uint8Array, count: number): Outcome[] {
  if (outcomes.length !== count * OUTCOME_BYTES) {
    throw malformed(`${outcomes.length} bytes are not ${count} outcomes`);
  }
  const buffer = bufferOf(outcomes);
  return Array.from({ length: count }, (_, i) => readOutcome(buffer, i));
}

function readOutcome(buffer: Buffer, index: number): Outcome {
  const at = index * OUTCOME_BYTES;
  if (at + OUTCOME_BYTES > buffer.length) throw malformed(`no outcome ${index}`);
  const status = STATUS[buffer.readUInt8(at)];
  if (status === undefined) throw malformed(`outcome ${index} has status ${buffer[at]}`);
  return {
    status,
    epoch: buffer.readUInt32LE(at + 4),
    offset: readU53(buffer, at + 8),
    id: buffer.readBigUInt64LE(at + 16),
    timestamp: readU53(buffer, at + 24),
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Offset of the first new record, undefined when all were known. Reads only as far as it must. */
export function firstNewOffset(outcomes: Uint8Array): number | undefined {
  for (let at = 0; at < outcomes.length; at += OUTCOME_BYTES) {
    if (outcomes[at] === 0) return outcomeAt(outcomes, at / OUTCOME_BYTES).offset;
  }
  return undefined;
}

export function encodeOutcomes(outcomes: readonly Outcome[]): Uint8Array {
  const out = Buffer.alloc(outcomes.length * OUTCOME_BYTES);
  for (const [i, outcome] of outcomes.entries()) {
    const at = i * OUTCOME_BYTES;
    out[at] = STATUS.indexOf(outcome.status);
    out.writeUInt32LE(outcome.epoch, at + 4);
    out.writeBigUInt64LE(BigInt(outcome.offset), at + 8);
    out.writeBigUInt64LE(outcome.id, at + 16);
    out.writeBigUInt64LE(BigInt(outcome.timestamp), at + 24);
  }
  return out;
}

/** A u64 that the formats bound by 2^53 - 1, without a bigint on the hot path. */
function readU53(buffer: Buffer, at: number): number {
  const value = buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
  if (!Number.isSafeInteger(value)) throw malformed(`${value} is above 2^53 - 1`);
  return value;
}

/**
 * Per record its inclusion path, leaf side first: u8 count, then 32 bytes a hash.
 * The hashes are views into `packed`. Refuses lengths that do not add up (B6).
 */
export function decodePaths(packed: Uint8Array, count: number): Uint8Array[][] {
  return separatePaths(packed, count).map(splitHashes);
}

/** Like {@link decodePaths}, but each path stays one view of hashes back to back: an object a record, not a hash. */
export function separatePaths(packed: Uint8Array, count: number): Uint8Array[] {
  const paths: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const hashes = packed[at];
    if (hashes === undefined || at + 1 + hashes * 32 > packed.length) {
      throw malformed(`path ${i} is cut off`);
    }
    paths.push(packed.subarray(at + 1, at + 1 + hashes * 32));
    at += 1 + hashes * 32;
  }
  if (at !== packed.length) throw malformed(`${packed.length - at} bytes behind the last path`);
  return paths;
}

export function encodePaths(paths: readonly (readonly Uint8Array[])[]): Uint8Array {
  return Buffer.concat(paths.flatMap((path) => [Uint8Array.of(path.length), ...path]));
}

/** Hashes of 32 bytes that stand back to back, as views. */
export function splitHashes(packed: Uint8Array): Uint8Array[] {
  if (packed.length % 32 !== 0) throw malformed(`${packed.length} bytes are not whole hashes`);
  return Array.from({ length: packed.length / 32 }, (_, i) =>
    packed.subarray(i * 32, (i + 1) * 32),
  );
}
