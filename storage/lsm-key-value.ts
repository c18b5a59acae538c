import { PyralogError } from '../base/errors.ts';
import {
  attachLsm,
  type LsmReader,
  type LsmStats,
  type LsmStore,
  openLsm,
} from '../native/index.ts';
import type {
  KeyRange,
  KeyValue,
  KeyValueEntry,
  KeyValueOp,
  KeyValueReader,
  KeyValueSnapshot,
} from './key-value.ts';
import type { StorageErrorCode } from './types.ts';

/** A {@link KeyValue} of the native core, and what only it has. */
export interface LsmKeyValue extends KeyValue {
  /** For {@link attachLsmKeyValue} in another thread of this process. */
  readonly handle: number;
  /** Figures since opening. */
  stats(): LsmStats;
}

export interface LsmKeyValueOptions {
  /** Memory for blocks that were read; 32 MiB. */
  readonly cacheBytes?: number;
  /** Free space below which batches are refused, so that the node still works when they are; 64 MiB. */
  readonly reserveBytes?: number;
}

/**
 * Opens or creates a {@link KeyValue} in a directory of its own, on the LSM tree of the native core. Batches that wait at
 * the same moment share one fdatasync. A value that is no longer what was written is refused when it is read.
 *
 * Rejects with `storage/locked` when another process has it open, `storage/corrupt`, `storage/format`,
 * `storage/disk-full`, `storage/io`. A batch that is refused with `storage/disk-full` before anything was written works
 * again once there is room; after `storage/io` the store takes no further ones until it is opened again.
 *
 * There is no memory-only mode: `openMemoryKeyValue` serves there.
 */
export async function openLsmKeyValue(
  dir: string,
  options: LsmKeyValueOptions = {},
): Promise<LsmKeyValue> {
  return new NativeKeyValue(await openLsm({ dir, ...options }), true);
}

/**
 * This thread's view of a store that another thread opened; closing it leaves the store open. Throws
 * `storage/key-value-closed` when there is none.
 */
export function attachLsmKeyValue(handle: number): LsmKeyValue {
  return new NativeKeyValue(attachLsm(handle), false);
}

class Reader<Native extends LsmReader> implements KeyValueReader {
  protected readonly native: Native;
  protected closed = false;

  constructor(native: Native) {
    this.native = native;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const [value] = await this.getMany([key]);
    return value;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.checkOpen();
    return this.native.getMany(keys);
  }

  async *range(range: KeyRange): AsyncIterable<KeyValueEntry> {
    range.signal?.throwIfAborted();
    this.checkOpen();
    for await (const entry of this.native.range(range)) {
      yield entry;
      this.checkOpen();
    }
  }

  protected checkOpen(): void {
    if (!this.closed) return;
    throw new PyralogError<StorageErrorCode>(
      'storage/key-value-closed',
      'the key-value store is closed; open it again',
    );
  }
}

class NativeKeyValue extends Reader<LsmStore> implements LsmKeyValue {
  readonly #owner: boolean;

  constructor(native: LsmStore, owner: boolean) {
    super(native);
    this.#owner = owner;
  }

  get handle(): number {
    return this.native.handle;
  }

  async batch(ops: readonly KeyValueOp[]): Promise<void> {
    this.checkOpen();
    await this.native.batch(ops);
  }

  snapshot(): KeyValueSnapshot {
    this.checkOpen();
    return new NativeSnapshot(this.native.snapshot());
  }

  stats(): LsmStats {
    this.checkOpen();
    return this.native.stats();
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.#owner) await this.native.close();
  }
}

class NativeSnapshot extends Reader<ReturnType<LsmStore['snapshot']>> implements KeyValueSnapshot {
  async close(): Promise<void> {
    this.closed = true;
    this.native.close();
  }
}
