/** Blocks in bytes (X11). Headers (X10) are read and written by receipt/, which verifies them offline. */
import { arrayOf, bytesOf, type Decoded, decodeAs, encodeAs, type Format } from './cbor.ts';

/** A block in its parts; nothing in it is believed yet. */
export interface BlockParts {
  /** Bytes of the header (X10). */
  readonly header: Uint8Array;
  /** Of the parent; empty at height 1. */
  readonly certificate: Uint8Array;
  readonly transactions: readonly Uint8Array[];
}

const BLOCK: Format<BlockParts> = {
  what: 'block',
  handing: 'views',
  read(item) {
    const [header, certificate, transactions] = arrayOf(item, 'it', 3);
    return {
      header: bytesOf(header, 'header'),
      certificate: bytesOf(certificate, 'certificate'),
      transactions: arrayOf(transactions, 'transactions').map((bytes) =>
        bytesOf(bytes, 'transaction'),
      ),
    };
  },
  write: ({ header, certificate, transactions }) => [header, certificate, [...transactions]],
};

export function encodeBlock(parts: BlockParts): Uint8Array {
  return encodeAs(BLOCK, parts);
}

/** Reads a block in its one encoding (X11); its parts are views of `bytes`, which must not change. Never throws. */
export function decodeBlock(bytes: Uint8Array): Decoded<BlockParts> {
  return decodeAs(BLOCK, bytes);
}
