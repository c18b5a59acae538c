import type { AnchorLeaf } from '../../receipt/index.ts';
import {
  arrayOf,
  bytesOf,
  type Decoded,
  decodeAs,
  type Format,
  Malformed,
  numberOf,
  textOf,
} from './cbor.ts';
import { readRoots, rootItems } from './state.ts';

const KEY_ID_BYTES = 4;

const LEAF: Format<AnchorLeaf> = {
  what: 'anchor leaf',
  read(item) {
    const [origin, size, roots, keyIds] = arrayOf(item, 'it', 4);
    return {
      origin: textOf(origin, 'origin'),
      size: numberOf(size, 'size'),
      roots: readRoots(roots),
      keyIds: split(bytesOf(keyIds, 'key ids')),
    };
  },
  write: ({ origin, size, roots, keyIds }) => [
    origin,
    size,
    rootItems(roots),
    new Uint8Array(Buffer.concat([...keyIds])),
  ],
};

/** Reads a leaf of the tree `anchors` (X10), as receipt/ writes it. */
export function decodeAnchorLeaf(bytes: Uint8Array): Decoded<AnchorLeaf> {
  return decodeAs(LEAF, bytes);
}

function split(joined: Uint8Array): Uint8Array[] {
  if (joined.length % KEY_ID_BYTES !== 0) throw new Malformed('key ids have 4 bytes each');
  return Array.from({ length: joined.length / KEY_ID_BYTES }, (_, i) =>
    joined.subarray(KEY_ID_BYTES * i, KEY_ID_BYTES * (i + 1)),
  );
}
