import { outOfRange } from './malformed.ts';
import type { LogSnapshot, LogStore } from './types.ts';

/**
 * A snapshot of append-only logs is nothing but their sizes: what stands below them never changes. Once segments are
 * cleaned up, a store will also keep the pinned ones until {@link LogSnapshot.release}.
 */
export function pinStore(store: LogStore): LogSnapshot {
  const sizes = store.partitions.map((_, partition) => store.durableSize(partition));
  const size = (partition: number): number => {
    const pinned = sizes[partition];
    if (pinned === undefined) throw outOfRange(`no partition ${partition}`);
    return pinned;
  };
  return {
    size,
    read(partition, offset, bytesMax) {
      if (offset > size(partition)) {
        throw outOfRange(`the snapshot has ${size(partition)} records, none at ${offset}`);
      }
      const rows = store.read(partition, offset, bytesMax);
      return rows.slice(0, Math.max(0, size(partition) - offset));
    },
    root: (partition, algorithm) => store.root(partition, size(partition), algorithm),
    release: () => {},
  };
}
