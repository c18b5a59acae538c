import { concat } from '../../base/bytes.ts';
import { decodeArray, encodeCbor, isBytes, isCount } from './cbor.ts';
import { SIGN_STEPS, type SignRecord } from './protection.ts';

/** Largest request of blocks (P32). */
export const SYNC_COUNT_MAX = 64;
const HEARD_MAX = 1_024;

const MESSAGE = 0;
const PROPOSAL = 1;
const HEARD = 2;

/** What peers say on the channel `consensus` (P27). */
export type ConsensusFrame =
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'proposal'; readonly message: Uint8Array; readonly body: Uint8Array }
  | { readonly kind: 'heard'; readonly keys: readonly Uint8Array[] };

export function messageFrame(message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(MESSAGE), message);
}

export function proposalFrame(message: Uint8Array, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = PROPOSAL;
  new DataView(head.buffer).setUint32(1, message.length);
  return concat(head, message, body);
}

export function heardFrame(keys: readonly Uint8Array[]): Uint8Array {
  return concat(Uint8Array.of(HEARD), encodeCbor(keys));
}

/** undefined: malformed. */
export function decodeConsensusFrame(bytes: Uint8Array): ConsensusFrame | undefined {
  const rest = bytes.subarray(1);
  switch (bytes[0]) {
    case MESSAGE:
      return { kind: 'message', message: rest };
    case PROPOSAL: {
      if (rest.length < 4) return undefined;
      const end = 4 + new DataView(rest.buffer, rest.byteOffset).getUint32(0);
      if (end >= rest.length) return undefined;
      return { kind: 'proposal', message: rest.subarray(4, end), body: rest.subarray(end) };
    }
    case HEARD: {
      const keys = decodeArray(rest);
      if (keys === undefined || keys.length > HEARD_MAX) return undefined;
      return keys.every((key) => isBytes(key, 32)) ? { kind: 'heard', keys } : undefined;
    }
    default:
      return undefined;
  }
}

export function encodeStatus(height: number): Uint8Array {
  return encodeCbor([height]);
}

export function decodeStatus(bytes: Uint8Array): number | undefined {
  const [height] = decodeArray(bytes) ?? [];
  return isCount(height) ? height : undefined;
}

/** Asks for `count` blocks beginning with `from` (P32). */
export interface SyncRequest {
  readonly request: number;
  readonly from: number;
  readonly count: number;
}

export function encodeSyncRequest({ request, from, count }: SyncRequest): Uint8Array {
  return encodeCbor([request, from, count]);
}

export function decodeSyncRequest(bytes: Uint8Array): SyncRequest | undefined {
  const [request, from, count] = decodeArray(bytes) ?? [];
  if (!isCount(request) || !isCount(from) || !isCount(count)) return undefined;
  return from > 0 && count > 0 && count <= SYNC_COUNT_MAX ? { request, from, count } : undefined;
}

export interface SyncedBlock {
  readonly bytes: Uint8Array;
  readonly certificate: Uint8Array;
}

export interface SyncAnswer {
  readonly request: number;
  readonly blocks: readonly SyncedBlock[];
}

export function encodeSyncAnswer({ request, blocks }: SyncAnswer): Uint8Array {
  return encodeCbor([request, blocks.map(({ bytes, certificate }) => [bytes, certificate])]);
}

export function decodeSyncAnswer(bytes: Uint8Array): SyncAnswer | undefined {
  const [request, list] = decodeArray(bytes) ?? [];
  if (!isCount(request) || !Array.isArray(list)) return undefined;
  const blocks: SyncedBlock[] = [];
  for (const item of list) {
    if (!Array.isArray(item) || item.length !== 2) return undefined;
    const [body, certificate] = item;
    if (!(body instanceof Uint8Array && certificate instanceof Uint8Array)) return undefined;
    blocks.push({ bytes: body, certificate });
  }
  return { request, blocks };
}

/** A vote or proposal as its signer signed it. */
export interface SignedMessage {
  readonly record: SignRecord;
  readonly validator: Uint8Array;
  readonly signature: Uint8Array;
  /** What the signature is over, in the domain `vote` (P4). */
  readonly signed: Uint8Array;
}

/** Takes a wire message apart (P5); undefined for anything but a vote or a proposal. */
export function readSigned(message: Uint8Array): SignedMessage | undefined {
  const fields = decodeArray(message);
  if (fields === undefined) return undefined;
  return fields[0] === 2 ? readProposal(fields) : readVote(fields);
}

function readVote(fields: readonly unknown[]): SignedMessage | undefined {
  const [type, height, round, id, validator, signature] = fields;
  if ((type !== 0 && type !== 1) || fields.length !== 6) return undefined;
  if (!isCount(height) || !isCount(round)) return undefined;
  if ((id !== null && !isBytes(id, 32)) || !isBytes(validator, 32)) return undefined;
  if (!isBytes(signature, 64)) return undefined;
  const step = type === 0 ? SIGN_STEPS.prevote : SIGN_STEPS.precommit;
  return {
    record: { purpose: 'vote', height, round, step, id: id ?? undefined, polRound: undefined },
    validator,
    signature,
    signed: encodeCbor([type, height, round, id]),
  };
}

function readProposal(fields: readonly unknown[]): SignedMessage | undefined {
  const [, height, round, polRound, id, validator, signature] = fields;
  if (fields.length !== 7 || !isCount(height) || !isCount(round)) return undefined;
  if (polRound !== null && !isCount(polRound)) return undefined;
  if (!isBytes(id, 32) || !isBytes(validator, 32) || !isBytes(signature, 64)) return undefined;
  const step = SIGN_STEPS.proposal;
  return {
    record: { purpose: 'vote', height, round, step, id, polRound: polRound ?? undefined },
    validator,
    signature,
    signed: encodeCbor([2, height, round, polRound, id]),
  };
}
