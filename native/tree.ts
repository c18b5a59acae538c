/**
 * The trees of a block (docs/spec/chain.md X10): shape and paths of merkle.md, hashes under a label.
 *
 * Equal to `labelledTree(label)` of receipt/, which verifies; this makes roots and paths at native speed.
 */
import { PyralogError } from '../base/errors.ts';
import { ask, binding } from './binding.ts';
import { hashesOf, packInputs } from './pack.ts';

/** All are mistakes of the caller. */
export type TreeErrorCode =
  /** Packed leaves that break off, or header ids that have not 32 bytes. Nothing was done. */
  | 'tree/malformed'
  /** An index or size that the tree does not have. */
  | 'tree/out-of-range'
  /** The history was closed. */
  | 'tree/closed';

/** Root over the leaves' contents, 32 bytes. */
export function treeRoot(label: string, leaves: readonly Uint8Array[]): Uint8Array {
  return ask(() => binding.treeRoot(label, packInputs(leaves)));
}

/** Path of the leaf at `index`: hashes of 32 bytes, leaf side first (M4). Throws `tree/out-of-range`. */
export function treePath(
  label: string,
  leaves: readonly Uint8Array[],
  index: number,
): Uint8Array[] {
  return hashesOf(ask(() => binding.treePath(label, packInputs(leaves), index)));
}

/** The tree `history` over header ids, growing block by block: 64 bytes of memory each. */
export interface History {
  readonly size: number;
  /** Appends ids in order of height. Throws `tree/malformed`. */
  append(ids: readonly Uint8Array[]): void;
  /** Of the first `size` ids. Throws `tree/out-of-range`. */
  root(size: number): Uint8Array;
  /** Of the id at `index` among the first `size`, leaf side first. Throws `tree/out-of-range`. */
  path(index: number, size: number): Uint8Array[];
  /** Frees it; everything else throws `tree/closed` then. Idempotent. */
  close(): void;
}

/** A history without ids. It must be closed: the process keeps it until then. */
export function openHistory(): History {
  const handle = binding.historyOpen();
  return {
    get size() {
      return ask(() => binding.historySize(handle));
    },
    append(ids) {
      const packed = new Uint8Array(32 * ids.length);
      for (const [i, id] of ids.entries()) {
        if (id.length !== 32) {
          const message = `a header id has 32 bytes, not ${id.length}`;
          throw new PyralogError<TreeErrorCode>('tree/malformed', message);
        }
        packed.set(id, 32 * i);
      }
      ask(() => binding.historyAppend(handle, packed));
    },
    root: (size) => ask(() => binding.historyRoot(handle, size)),
    path: (index, size) => hashesOf(ask(() => binding.historyPath(handle, index, size))),
    close: () => binding.historyClose(handle),
  };
}
