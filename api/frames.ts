// SPDX-License-Identifier: Apache-2.0
/**
 * Binary WebSocket frames (rpc.md R8): many digests in, 40 bytes of outcome each back, no object a record.
 *
 *     request   01 01 flags multihash-code | u32 request id | submitter length 00 00 00 | u32 count | submitter | digests
 *     outcomes  01 02 00 00 | u32 request id | u32 count | 40 bytes each (batch.md B4) | u32 note length | note
 *     error     01 03 00 00 | u32 request id | JSON of the error object
 *
 * Little-endian. Decoders never throw on bytes: what is wrong comes back as a {@link FrameRefusal}. Decoded digests and
 * outcomes are views of the message, not copies.
 */
import { type DigestAlgorithm, digestBytes, multihashCode } from '../receipt/index.ts';
import {
  ANSWER_HEADER_BYTES,
  FRAME_KINDS,
  FRAME_VERSION,
  type FrameRefusal,
  headerFault,
  refuseFrame,
  viewOf,
  writeAnswerHeader,
} from './frame-parts.ts';
import { readErrorObject } from './jsonrpc.ts';
import { NAME_BYTES_MAX } from './schemas.ts';
import { decodeTransactionOutcomes, type TransactionOutcomeFrame } from './transaction-frames.ts';
import type { RpcErrorObject } from './types.ts';

export const FRAME_DIGESTS_MAX = 65_536;
/** Bytes of one outcome (batch.md B4). */
export const OUTCOME_BYTES = 40;

const FLAG_CHECKPOINT = 1;
const FLAG_ACCEPTED = 1;
const REQUEST_HEADER_BYTES = 16;

export interface DigestFrame {
  readonly requestId: number;
  readonly algorithm: DigestAlgorithm;
  readonly submitter: string;
  readonly waitFor: 'durable' | 'checkpoint';
  /** Digests back to back. */
  readonly digests: Uint8Array;
}

export interface OutcomeFrame {
  readonly kind: 'outcomes';
  readonly requestId: number;
  readonly outcomes: Uint8Array;
  /** `accepted`: a crash of the node may lose the records (notary.md N11). */
  readonly durability: 'durable' | 'accepted';
  /** '' when the call did not wait for a checkpoint. */
  readonly note: string;
}

export interface ErrorFrame {
  readonly kind: 'error';
  readonly requestId: number;
  readonly error: RpcErrorObject;
}

export type AnswerFrame = OutcomeFrame | TransactionOutcomeFrame | ErrorFrame;

/** One record's outcome (batch.md B4). */
export interface Outcome {
  readonly status: 'new' | 'duplicate' | 'conflict';
  readonly epoch: number;
  readonly offset: number;
  readonly id: bigint;
  readonly timestamp: number;
}

const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512', 'blake3'];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Throws a RangeError on a batch that no frame can carry: that is the caller's mistake. */
export function encodeDigestFrame(frame: DigestFrame): Uint8Array {
  const submitter = encoder.encode(frame.submitter);
  const count = frame.digests.length / digestBytes(frame.algorithm);
  if (!Number.isInteger(count) || count < 1 || count > FRAME_DIGESTS_MAX) {
    throw new RangeError(
      `${frame.digests.length} bytes are not 1 to ${FRAME_DIGESTS_MAX} ${frame.algorithm} digests`,
    );
  }
  if (submitter.length > NAME_BYTES_MAX) {
    throw new RangeError(`submitter is longer than ${NAME_BYTES_MAX} bytes of UTF-8`);
  }
  const bytes = new Uint8Array(REQUEST_HEADER_BYTES + submitter.length + frame.digests.length);
  const view = viewOf(bytes);
  view.setUint8(0, FRAME_VERSION);
  view.setUint8(1, FRAME_KINDS.digests);
  view.setUint8(2, frame.waitFor === 'checkpoint' ? FLAG_CHECKPOINT : 0);
  view.setUint8(3, multihashCode(frame.algorithm));
  view.setUint32(4, frame.requestId, true);
  view.setUint8(8, submitter.length);
  view.setUint32(12, count, true);
  bytes.set(submitter, REQUEST_HEADER_BYTES);
  bytes.set(frame.digests, REQUEST_HEADER_BYTES + submitter.length);
  return bytes;
}

export function decodeDigestFrame(bytes: Uint8Array): DigestFrame | FrameRefusal {
  if (bytes.length < REQUEST_HEADER_BYTES)
    return refuseFrame(0, 'frame is shorter than its header');
  const view = viewOf(bytes);
  const requestId = view.getUint32(4, true);
  const flags = view.getUint8(2);
  const code = view.getUint8(3);
  const algorithm = ALGORITHMS.find((name) => multihashCode(name) === code);
  const wrong =
    headerFault(view, FRAME_KINDS.digests) ??
    ((flags & ~FLAG_CHECKPOINT) !== 0 ? `unknown flags ${flags}` : undefined) ??
    (view.getUint32(8, true) >>> 8 !== 0 ? 'reserved bytes are not zero' : undefined);
  if (wrong !== undefined) return refuseFrame(requestId, wrong);
  if (algorithm === undefined) return refuseFrame(requestId, `unknown multihash code ${code}`);
  const submitterEnd = REQUEST_HEADER_BYTES + view.getUint8(8);
  const digests = bytes.subarray(submitterEnd);
  const count = view.getUint32(12, true);
  const fault = sizeFault(view.getUint8(8), count, bytes.length - submitterEnd, algorithm);
  if (fault !== undefined) return refuseFrame(requestId, fault);
  const submitter = decodeText(bytes.subarray(REQUEST_HEADER_BYTES, submitterEnd));
  if (submitter === undefined) return refuseFrame(requestId, 'submitter is not UTF-8');
  const waitFor = flags === FLAG_CHECKPOINT ? 'checkpoint' : 'durable';
  return { requestId, algorithm, submitter, waitFor, digests };
}

function sizeFault(
  submitterBytes: number,
  count: number,
  digestsBytes: number,
  algorithm: DigestAlgorithm,
): string | undefined {
  if (submitterBytes > NAME_BYTES_MAX) return `submitter is longer than ${NAME_BYTES_MAX} bytes`;
  if (count < 1 || count > FRAME_DIGESTS_MAX) {
    return `count is ${count}, must be 1 to ${FRAME_DIGESTS_MAX}`;
  }
  const expected = count * digestBytes(algorithm);
  if (digestsBytes === expected) return undefined;
  return `${digestsBytes} bytes of digests, ${count} of ${algorithm} are ${expected}`;
}

export function encodeOutcomeFrame({
  requestId,
  outcomes,
  durability,
  note,
}: Omit<OutcomeFrame, 'kind'>): Uint8Array {
  const text = encoder.encode(note);
  const bytes = new Uint8Array(ANSWER_HEADER_BYTES + 8 + outcomes.length + text.length);
  const view = viewOf(bytes);
  writeAnswerHeader(view, FRAME_KINDS.outcomes, requestId);
  view.setUint16(2, durability === 'accepted' ? FLAG_ACCEPTED : 0, true);
  view.setUint32(ANSWER_HEADER_BYTES, outcomes.length / OUTCOME_BYTES, true);
  bytes.set(outcomes, ANSWER_HEADER_BYTES + 4);
  view.setUint32(ANSWER_HEADER_BYTES + 4 + outcomes.length, text.length, true);
  bytes.set(text, ANSWER_HEADER_BYTES + 8 + outcomes.length);
  return bytes;
}

export function encodeErrorFrame(requestId: number, error: RpcErrorObject): Uint8Array {
  const text = encoder.encode(JSON.stringify(error));
  const bytes = new Uint8Array(ANSWER_HEADER_BYTES + text.length);
  writeAnswerHeader(viewOf(bytes), FRAME_KINDS.error, requestId);
  bytes.set(text, ANSWER_HEADER_BYTES);
  return bytes;
}

/** Any answer: outcomes of digests (R8) or of transactions (R9), or the error of the whole frame. */
export function decodeAnswerFrame(bytes: Uint8Array): AnswerFrame | FrameRefusal {
  if (bytes.length < ANSWER_HEADER_BYTES) return refuseFrame(0, 'frame is shorter than its header');
  const view = viewOf(bytes);
  const requestId = view.getUint32(4, true);
  const kind = view.getUint8(1);
  const known = kind === FRAME_KINDS.error || kind === FRAME_KINDS.transactionOutcomes;
  const wrong =
    headerFault(view, known ? kind : FRAME_KINDS.outcomes) ??
    ((view.getUint16(2, true) & ~(known ? 0 : FLAG_ACCEPTED)) !== 0
      ? 'reserved bytes are not zero'
      : undefined);
  if (wrong !== undefined) return refuseFrame(requestId, wrong);
  if (kind === FRAME_KINDS.error) return decodeError(requestId, bytes);
  return kind === FRAME_KINDS.outcomes
    ? decodeOutcomes(requestId, bytes)
    : decodeTransactionOutcomes(requestId, bytes);
}

function decodeError(requestId: number, bytes: Uint8Array): ErrorFrame | FrameRefusal {
  const text = decodeText(bytes.subarray(ANSWER_HEADER_BYTES));
  if (text === undefined) return refuseFrame(requestId, 'error is not UTF-8');
  try {
    return { kind: 'error', requestId, error: readErrorObject(JSON.parse(text)) };
  } catch {
    return refuseFrame(requestId, 'error is not JSON');
  }
}

function decodeOutcomes(requestId: number, bytes: Uint8Array): OutcomeFrame | FrameRefusal {
  const view = viewOf(bytes);
  if (bytes.length < ANSWER_HEADER_BYTES + 8)
    return refuseFrame(requestId, 'outcomes are cut short');
  const count = view.getUint32(ANSWER_HEADER_BYTES, true);
  const start = ANSWER_HEADER_BYTES + 4;
  const end = start + count * OUTCOME_BYTES;
  if (count > FRAME_DIGESTS_MAX || end + 4 > bytes.length) {
    return refuseFrame(requestId, `frame is too short for ${count} outcomes`);
  }
  if (end + 4 + view.getUint32(end, true) !== bytes.length) {
    return refuseFrame(requestId, 'note length does not add up');
  }
  const note = decodeText(bytes.subarray(end + 4));
  if (note === undefined) return refuseFrame(requestId, 'note is not UTF-8');
  const durability = view.getUint16(2, true) === FLAG_ACCEPTED ? 'accepted' : 'durable';
  return { kind: 'outcomes', requestId, outcomes: bytes.subarray(start, end), durability, note };
}

/** Reads one of packed outcomes; undefined when there is none at `index` or its status is unknown. */
export function outcomeAt(outcomes: Uint8Array, index: number): Outcome | undefined {
  const at = index * OUTCOME_BYTES;
  if (index < 0 || at + OUTCOME_BYTES > outcomes.length) return undefined;
  const view = viewOf(outcomes);
  const status = (['new', 'duplicate', 'conflict'] as const)[view.getUint8(at)];
  if (status === undefined) return undefined;
  return {
    status,
    epoch: view.getUint32(at + 4, true),
    offset: Number(view.getBigUint64(at + 8, true)),
    id: view.getBigUint64(at + 16, true),
    timestamp: Number(view.getBigUint64(at + 24, true)),
  };
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
