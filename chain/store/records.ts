/** What stands in the store besides blocks and state: small records in the same CBOR as everything else (X21). */
import type { FinalityEvidence } from '../../consensus/index.ts';
import { arrayOf, bytesOf, type Format, numberOf, textOf } from '../codec/cbor.ts';

/** What the store is. */
export interface StoreFormat {
  readonly version: number;
  /** Network id (I3). */
  readonly network: string;
}

export const STORE_VERSION = 1;

export const FORMAT: Format<StoreFormat> = {
  what: 'format of the store',
  read(item) {
    const [version, network] = arrayOf(item, 'it', 2);
    return { version: numberOf(version, 'version'), network: textOf(network, 'network') };
  },
  write: ({ version, network }) => [version, network],
};

/** The newest block; height 0 and no id before the first. */
export interface StoredHead {
  readonly height: number;
  readonly id: Uint8Array;
}

export const HEAD: Format<StoredHead> = {
  what: 'head',
  read(item) {
    const [height, id] = arrayOf(item, 'it', 2);
    return { height: numberOf(height, 'height'), id: bytesOf(id, 'id') };
  },
  write: ({ height, id }) => [height, id],
};

export const EVIDENCE: Format<FinalityEvidence> = {
  what: 'evidence',
  read(item) {
    const [scheme, bytes] = arrayOf(item, 'it', 2);
    return { scheme: textOf(scheme, 'scheme'), bytes: bytesOf(bytes, 'bytes') };
  },
  write: ({ scheme, bytes }) => [scheme, bytes],
};

/** Leaves of a block's tree `anchors`. */
export const LEAVES: Format<readonly Uint8Array[]> = {
  what: 'anchors of a block',
  read: (item) => arrayOf(item, 'it').map((leaf) => bytesOf(leaf, 'leaf')),
  write: (leaves) => [...leaves],
};
