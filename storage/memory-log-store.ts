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
    isWhole: () => true,
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
    findByKey(partition, key, asOfMs) {
      const { rows } = log(partition);
      const until = asOfMs === undefined ? Number.MAX_SAFE_INTEGER : checkTime(asOfMs);
      const wanted = Buffer.from(key);
      const found = rows.findLast(
        (row) => row.key !== undefined && wanted.equals(row.key) && row.record.timestamp <= until,
      );
      return found === undefined || isTombstone(found) ? undefined : found.record.offset;
    },
    findByTime(partition, ms) {
      const from = checkTime(ms);
      return log(partition).rows.find(({ record }) => record.timestamp >= from)?.record.offset;
    },
  };
  return store;
}

function checkTime(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw outOfRange(`a time is a whole number of milliseconds since 1970, not ${ms}`);
}

/** Whether a record says that its key is gone (manifest.md Y13). */
function isTombstone({ value, headers }: LogRow): boolean {
  return value.length === 0 && headerNames(headers ?? new Uint8Array()).includes('tombstone');
}

/** Names of encoded headers (record.md L3), which were checked when the record was taken. */
function headerNames(headers: Uint8Array): string[] {
  const bytes = Buffer.from(headers);
  const names: string[] = [];
  for (let at = 2; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16LE(at);
    names.push(bytes.toString('utf8', at + 2, end));
    at = end + 4 + bytes.readUInt32LE(end);
  }
  return names;
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
