import type { PyralogError } from '../base/errors.ts';
import type { StorageErrorCode } from './types.ts';

export type KeyValueOp =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: Uint8Array };

/** Keys from `from` (inclusive) to `to` (exclusive), in order of their bytes. */
export interface KeyRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
  /** At most this many entries; all when absent. */
  readonly limit?: number;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
}

export type KeyValueEntry = readonly [key: Uint8Array, value: Uint8Array];

/** The read half, shared by a store and its snapshots. Everything rejects with `storage/key-value-closed` after closing. */
export interface KeyValueReader {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** {@link get} of each, in one trip to the disk. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** Sees one state however long it runs; leaving the loop releases it. */
  range(range: KeyRange): AsyncIterable<KeyValueEntry>;
}

/** The state at one moment, whatever is written afterwards. */
export interface KeyValueSnapshot extends KeyValueReader {
  /** Idempotent. */
  close(): Promise<void>;
}

/** An ordered map of bytes: cluster state, sessions, chain state. Keys are 1 to 4,096 bytes. */
export interface KeyValue extends KeyValueReader {
  /**
   * All or nothing, in order: of two operations on one key the later wins. Durable once it resolves, where there is a disk.
   * Rejects with `storage/disk-full`, `storage/io`.
   */
  batch(ops: readonly KeyValueOp[]): Promise<void>;
  snapshot(): KeyValueSnapshot;
  /** Idempotent. */
  close(): Promise<void>;
}

export type KeyValueError = PyralogError<Extract<StorageErrorCode, 'storage/key-value-closed'>>;
