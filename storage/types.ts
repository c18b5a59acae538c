import type { PyralogError } from '../base/errors.ts';
import type { DurabilityPolicy, NativeErrorCode, TreeAlgorithm } from '../native/index.ts';
import type { LeafRecord } from '../receipt/index.ts';

/** What callers of storage/ are expected to handle: the native core's codes, and those of the key-value store. */
export type StorageErrorCode =
  | NativeErrorCode
  /** The key-value store or the snapshot was closed. */
  | 'storage/key-value-closed';

export type StorageError = PyralogError<StorageErrorCode>;

export type { DurabilityPolicy, TreeAlgorithm } from '../native/index.ts';

/** What a log partition is; its number is its position in {@link LogStore.partitions}. */
export interface LogPartition {
  /** Origin of its checkpoints (identity.md I4). */
  readonly origin: string;
  /** Whether it keeps a SHA-256 tree beside the BLAKE3 one. */
  readonly sha256: boolean;
  readonly dedupWindowMs: number;
  readonly dedupRecords: number;
  /** What an answer about its records stands for (wal.md W16); absent = `sync`. */
  readonly durability?: DurabilityPolicy;
}

/** One record as it stands in the log. */
export interface LogRow {
  readonly record: LeafRecord;
  /** The 128 bytes the trees commit to (record.md L1). */
  readonly leaf: Uint8Array;
  readonly key?: Uint8Array;
  /** Encoded headers (record.md L3). */
  readonly headers?: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * The read side of a node's logs. Only durable records show. Writes go through a replicator, because an entry counts
 * once it is committed and not when somebody stored it.
 *
 * Everything here throws `log/out-of-range` for partitions, offsets and sizes that do not exist (yet), `storage/corrupt`
 * when what is on disk does not hash to what was promised, and `log/closed` after closing.
 */
export interface LogStore {
  readonly partitions: readonly LogPartition[];
  /** Whether every record that was acknowledged is in view. Not behind damage in the log, which is then open for reading only (W8). */
  isWhole(): boolean;
  /** Records that are durable. */
  durableSize(partition: number): number;
  /** First offset whose record retention left: 0, or where the log begins now. */
  firstOffset(partition: number): number;
  /** Rows from `offset` on: none at the end of the log, else at least one and at most `bytesMax` packed bytes beyond the first. */
  read(partition: number, offset: number, bytesMax: number): LogRow[];
  /** Fixes today's sizes, so that one reader sees one state however long it reads. */
  pin(): LogSnapshot;
  /** 32-byte root of the first `size` records. */
  root(partition: number, size: number, algorithm: TreeAlgorithm): Uint8Array;
  /** Path of record `index` in the tree of `size` records, leaf side first (merkle.md M4); checked before it is returned (M7). */
  inclusion(partition: number, at: TreePosition, algorithm: TreeAlgorithm): Uint8Array[];
  /** Path that shows that the tree of `to` records extends the one of `from`. */
  consistency(partition: number, range: TreeRange, algorithm: TreeAlgorithm): Uint8Array[];
  /** Offset of the record with this Scarab id. */
  findById(partition: number, id: bigint): number | undefined;
  /** Offsets of the notary records with this multihash (record.md L4), ascending, at most `limit`. */
  findByDigest(partition: number, multihash: Uint8Array, limit: number): number[];
  /**
   * Offset of the latest record with this key, or of the latest one at or before `asOfMs` (Unix milliseconds). None when
   * there is none, or when it is a tombstone: an empty value and a header of that name (store.md Z11). Throws
   * `log/out-of-range` when compaction may have taken the record that was the latest then.
   */
  findByKey(partition: number, key: Uint8Array, asOfMs?: number): number | undefined;
  /** Offset of the first record at or after a time (Unix milliseconds). */
  findByTime(partition: number, ms: number): number | undefined;
}

export interface TreePosition {
  readonly index: number;
  readonly size: number;
}

export interface TreeRange {
  readonly from: number;
  readonly to: number;
}

/** The logs as they stood when {@link LogStore.pin} was called. */
export interface LogSnapshot {
  size(partition: number): number;
  /** As {@link LogStore.read}, but never beyond {@link size}. */
  read(partition: number, offset: number, bytesMax: number): LogRow[];
  root(partition: number, algorithm: TreeAlgorithm): Uint8Array;
  /** Lets go of what the snapshot keeps from being cleaned up. Idempotent. */
  release(): void;
}
