import { outOfRange } from './malformed.ts';
import { type MemoryEntry, MemoryPartition } from './memory-partition.ts';
import type { Outcome } from './outcome.ts';
import { encodeRow } from './row.ts';
import { pinStore } from './snapshot.ts';
import type { LogPartition, LogRow, LogStore } from './types.ts';

/** A {@link LogStore} that a replicator in the same process writes to. */
export interface MemoryLogStore extends LogStore {
  /** Applies a committed entry: decides duplicates, gives offsets, appends leaves (notary.md N1–N3). */
  apply(partition: number, entry: MemoryEntry): Outcome[];
}

/** Logs in memory, for tests and demonstrations. Nothing survives the process. */
export function createMemoryLogStore(partitions: readonly LogPartition[]): MemoryLogStore {
  const logs = partitions.map((options) => new MemoryPartition(options));
  const log = (partition: number): MemoryPartition => {
    const found = logs[partition];
    if (found === undefined) throw outOfRange(`no partition ${partition}`);
    return found;
  };
  const store: MemoryLogStore = {
    partitions,
    apply: (partition, entry) => log(partition).apply(entry),
    durableSize: (partition) => log(partition).rows.length,
    firstOffset: (partition) => log(partition).firstOffset,
    read: (partition, offset, bytesMax) => readRows(log(partition), offset, bytesMax),
    pin: () => pinStore(store),
    root: (partition, size, algorithm) => log(partition).root(size, algorithm),
    inclusion: (partition, at, algorithm) => log(partition).inclusion(at, algorithm),
    consistency: (partition, range, algorithm) => log(partition).consistency(range, algorithm),
    findById: (partition, id) => log(partition).offsetOfId(id),
    findByDigest(partition, multihash, limit) {
      const wanted = Buffer.from(multihash);
      return log(partition)
        .rows.filter(({ record, value }) => record.schemaId === 1 && wanted.equals(value))
        .slice(0, limit)
        .map(({ record }) => record.offset);
    },
  };
  return store;
}

function readRows(log: MemoryPartition, offset: number, bytesMax: number): LogRow[] {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > log.rows.length) {
    throw outOfRange(`${log.options.origin} has ${log.rows.length} records, none at ${offset}`);
  }
  const rows: LogRow[] = [];
  let bytes = 0;
  for (const row of log.rows.slice(offset)) {
    if (rows.length > 0) bytes += encodeRow(row).length;
    if (bytes > bytesMax) break;
    rows.push(row);
  }
  return rows;
}
