import { hash } from 'node:crypto';
import snappy from 'snappyjs';
import { concat, toUtf8 } from '../../base/bytes.ts';
import { TOPICS, type Topic } from '../types.ts';
import { decompressBlock } from './snappy-block.ts';

const TOPIC_NAMES = Object.keys(TOPICS) as readonly Topic[];

/** Of SHA-256: enough that nobody finds two messages with one id, and short in every IHAVE. */
const ID_BYTES = 20;

/** The topic's name on the wire (G9). */
export function topicPath(networkId: string, topic: Topic): string {
  return `/pyralog/${networkId}/${topic}/1`;
}

/** The topic of a path; undefined when it is another network's, or unknown. */
export function topicOfPath(networkId: string, path: string): Topic | undefined {
  return TOPIC_NAMES.find((topic) => topicPath(networkId, topic) === path);
}

/**
 * First 20 bytes of SHA-256(path ‖ 0x00 ‖ data), over the data before compression (G9): a recompressed copy is the
 * same message. SHA-256 since Node has it natively; BLAKE3 in JavaScript takes 50 ms for a 4 MiB block.
 */
export function messageId(path: string, data: Uint8Array): Uint8Array {
  const digest = hash('sha256', concat(toUtf8(path), Uint8Array.of(0), data), 'buffer');
  return Uint8Array.from(digest.subarray(0, ID_BYTES));
}

export function compress(data: Uint8Array): Uint8Array {
  return snappy.compress(Uint8Array.from(data));
}

/** The data of a message; undefined when it is no snappy block. Check {@link claimedLength} before. */
/** The data of a message; undefined when it is no snappy block, or claims to be longer than that. */
export function decompress(bytes: Uint8Array, lengthMax: number): Uint8Array | undefined {
  const length = claimedLength(bytes);
  if (length === undefined || length > lengthMax) return undefined;
  return decompressBlock(bytes, preambleBytes(bytes), length);
}

/**
 * The decompressed length a snappy block says it has: the varint it begins with. undefined when there is none, or when
 * so few bytes cannot decompress to that many (3 bytes make at most 64): a claim costs memory.
 */
export function claimedLength(bytes: Uint8Array): number | undefined {
  const count = preambleBytes(bytes);
  let length = 0;
  for (let i = 0; i < count; i++) length += ((bytes[i] ?? 0) & 0x7f) * 2 ** (7 * i);
  return count > 0 && length <= bytes.length * 32 ? length : undefined;
}

/** Bytes of the varint at the beginning; 0 when it has no end. */
function preambleBytes(bytes: Uint8Array): number {
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i];
    if (byte === undefined) return 0;
    if (byte < 0x80) return i + 1;
  }
  return 0;
}
