import type { Core, PartitionOptions } from '../native/index.ts';
import { outOfRange } from './malformed.ts';
import { splitHashes } from './outcome.ts';
import { decodeRows } from './row.ts';
import { pinStore } from './snapshot.ts';
import type { LogStore } from './types.ts';

/**
 * The logs of the native core. The core stays the caller's: closing it ends this view too.
 *
 * `partitions` are those the core was opened with; the core itself knows them only by number.
 */
export function openNativeLogStore(core: Core, partitions: readonly PartitionOptions[]): LogStore {
  const known = (partition: number): number => {
    if (partitions[partition] === undefined) throw outOfRange(`no partition ${partition}`);
    return partition;
  };
  const store: LogStore = {
    partitions,
    isWhole: () => !core.stats().readOnly,
    durableSize: (partition) => core.durableSize(known(partition)),
    firstOffset: (partition) => core.firstOffset(known(partition)),
    read: (partition, offset, bytesMax) =>
      decodeRows(core.read(known(partition), offset, bytesMax)),
    pin: () => pinStore(store),
    root: (partition, size, algorithm) => core.root(known(partition), size, algorithm),
    inclusion: (partition, { index, size }, algorithm) =>
      splitHashes(core.inclusion(known(partition), index, size, algorithm)),
    consistency: (partition, { from, to }, algorithm) =>
      splitHashes(core.consistency(known(partition), from, to, algorithm)),
    findById: (partition, id) => core.offsetOfId(known(partition), id),
    findByDigest: (partition, multihash, limit) =>
      core.offsetsOfDigest(known(partition), multihash, limit),
    findByKey: (partition, key, asOfMs) => core.offsetOfKey(known(partition), key, asOfMs),
    findByTime: (partition, ms) => core.offsetOfTime(known(partition), ms),
  };
  return store;
}
