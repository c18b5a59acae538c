/**
 * Keys of the chain's store (X21). One letter says what stands behind it; numbers are big-endian, so that ranges are in
 * order of height.
 *
 *     m ‖ name            what the store is, and the newest height
 *     b ‖ height          block (X11)
 *     e ‖ height          evidence that it is final: CBOR [scheme, bytes]
 *     i ‖ height          its id
 *     n ‖ height          leaves of its tree `anchors`, when it has any: CBOR [leaf …]
 *     t ‖ transaction id  place: height, index, time
 *     o ‖ origin ‖ size   place: height, index among the anchors, index among the transactions
 *     s ‖ state key       entry of the newest state (X14)
 */
import { toUtf8 } from '../../base/bytes.ts';

export const FORMAT_KEY = toUtf8('mformat');
export const HEAD_KEY = toUtf8('mhead');

type Letter = 'b' | 'e' | 'i' | 'n';

/** Key of something there is one of a height. */
export function heightKey(letter: Letter, height: number): Uint8Array {
  const key = Buffer.allocUnsafe(9);
  key.write(letter, 0, 'latin1');
  key.writeBigUInt64BE(BigInt(height), 1);
  return key;
}

export function heightOf(key: Uint8Array): number {
  return Number(Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE(1));
}

export function transactionKey(id: Uint8Array): Uint8Array {
  return prefixed('t', id);
}

export function stateKey(key: Uint8Array): Uint8Array {
  return prefixed('s', key);
}

/** All entries of the state. */
export const STATE_RANGE = { from: toUtf8('s'), to: toUtf8('t') } as const;
/** Ids of all headers, in order of height. */
export const ID_RANGE = { from: toUtf8('i'), to: toUtf8('j') } as const;

/**
 * Key of an anchor. Sizes are below 2^53, so the first of their eight bytes is 0, which no origin contains: anchors of an
 * origin that another one begins with never mix.
 */
export function anchorKey(origin: string, size: number): Uint8Array {
  const text = toUtf8(origin);
  const key = Buffer.alloc(1 + text.length + 8);
  key.write('o', 0, 'latin1');
  key.set(text, 1);
  key.writeBigUInt64BE(BigInt(size), 1 + text.length);
  return key;
}

/** Anchors of a log with at least `size` records, smallest first. */
export function anchorRange(origin: string, size: number): { from: Uint8Array; to: Uint8Array } {
  return {
    from: anchorKey(origin, size),
    to: Buffer.concat([toUtf8(`o${origin}`), Uint8Array.of(1)]),
  };
}

/** Size in a key of {@link anchorKey}. */
export function anchorSize(key: Uint8Array): number {
  return Number(
    Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE(key.length - 8),
  );
}

/** Where something is in the chain. */
export interface Place {
  readonly height: number;
  /** Unix milliseconds of the block. */
  readonly time: number;
  /** Of the transaction in its block. */
  readonly index: number;
  /** Of the anchor among the anchors of its block; 0 for other transactions. */
  readonly anchorIndex: number;
}

const PLACE_BYTES = 24;

export function encodePlace({ height, time, index, anchorIndex }: Place): Uint8Array {
  const bytes = Buffer.allocUnsafe(PLACE_BYTES);
  bytes.writeBigUInt64BE(BigInt(height), 0);
  bytes.writeBigUInt64BE(BigInt(time), 8);
  bytes.writeUInt32BE(index, 16);
  bytes.writeUInt32BE(anchorIndex, 20);
  return bytes;
}

export function decodePlace(value: Uint8Array): Place {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return {
    height: Number(bytes.readBigUInt64BE(0)),
    time: Number(bytes.readBigUInt64BE(8)),
    index: bytes.readUInt32BE(16),
    anchorIndex: bytes.readUInt32BE(20),
  };
}

function prefixed(letter: string, rest: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(1 + rest.length);
  key.write(letter, 0, 'latin1');
  key.set(rest, 1);
  return key;
}
