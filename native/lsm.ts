/**
 * The key-value store of the native core: an LSM tree on disk. `storage/lsm-key-value.ts` puts the `KeyValue` contract on it.
 *
 * ```ts
 * const store = await openLsm({ dir });
 * await store.batch([{ kind: 'put', key, value }]);
 * for await (const [key, value] of store.range({ from, limit: 100 })) use(key, value);
 * new Worker(file, { workerData: store.handle }); // there: attachLsm(workerData)
 * await store.close();
 * ```
 *
 * Reads run on Node's thread pool, writes on the store's own thread, which commits all batches that wait as one: never
 * anything on the event loop. Many entries cross the boundary as one buffer.
 */
import { answer, ask, binding, call } from './binding.ts';
import type { NativeErrorCode } from './types.ts';

/** Codes of key-value stores. */
export type LsmErrorCode =
  | Extract<
      NativeErrorCode,
      | 'storage/disk-full'
      | 'storage/corrupt'
      | 'storage/locked'
      | 'storage/format'
      | 'storage/io'
      | 'batch/malformed'
    >
  /** The store, or the snapshot, was closed. */
  | 'storage/key-value-closed';

export interface LsmOptions {
  /** A directory of its own; created when missing. */
  readonly dir: string;
  /** Memory for blocks that were read; 32 MiB. */
  readonly cacheBytes?: number;
  /** Free space below which batches are refused with `storage/disk-full` before anything is written; 64 MiB. 0: none are. */
  readonly reserveBytes?: number;
}

export type LsmOp =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: Uint8Array };

/** Keys from `from` (inclusive) to `to` (exclusive), in order of their bytes. */
export interface LsmRange {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Figures since opening. */
export interface LsmStats {
  readonly batches: number;
  /** Each is one fdatasync. */
  readonly groupCommits: number;
  /** Packed bytes of the batches. */
  readonly bytes: number;
  readonly diskBytes: number;
  /** Memory of what is in no table yet. */
  readonly memoryBytes: number;
  readonly tables: number;
  /** Bytes of a batch that a crash tore, which opening cut. */
  readonly cutBytes: number;
}

/** Everything rejects with `storage/key-value-closed` after closing, and with `storage/corrupt` where bytes are not what was written. */
export interface LsmReader {
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  /** Sees one state however long it runs; leaving the loop releases it. */
  range(range: LsmRange): AsyncIterable<readonly [Uint8Array, Uint8Array]>;
}

export interface LsmSnapshot extends LsmReader {
  /** Idempotent. */
  close(): void;
}

export interface LsmStore extends LsmReader {
  /** Number under which {@link attachLsm} finds the store in this process. */
  readonly handle: number;
  /**
   * All or nothing, in order; durable once it resolves. Rejects with `storage/disk-full` (nothing was written; it works
   * again once there is room), `storage/io` (the store takes no further batch until it is opened again),
   * `batch/malformed` for a key that has not 1 to 4,096 bytes.
   */
  batch(ops: readonly LsmOp[]): Promise<void>;
  snapshot(): LsmSnapshot;
  stats(): LsmStats;
  /** For every thread. Idempotent. */
  close(): Promise<void>;
}

const CACHE_BYTES = 32 << 20;
const RESERVE_BYTES = 64 << 20;
/** The first chunk of a range is small, because many ranges are; each next one is four times larger, up to the largest. */
const CHUNK_BYTES_MIN = 4 << 10;
const CHUNK_BYTES_MAX = 256 << 10;
/** Length that stands for "no value". */
const NOTHING = 0xffff_ffff;

/**
 * Opens or creates a store. Rejects with `storage/locked` when another process (or another opening in this one) has it,
 * `storage/corrupt` when it is damaged in front of batches that were acknowledged, `storage/format`, `storage/disk-full`,
 * `storage/io`.
 */
export async function openLsm(options: LsmOptions): Promise<LsmStore> {
  const { dir, cacheBytes = CACHE_BYTES, reserveBytes = RESERVE_BYTES } = options;
  const opened = await answer(() => binding.lsmOpen({ dir, cacheBytes, reserveBytes }));
  return new NativeLsm(opened.number ?? 0);
}

/** This thread's view of a store that another thread opened. Throws `storage/key-value-closed` when there is none. */
export function attachLsm(handle: number): LsmStore {
  const store = new NativeLsm(handle);
  store.stats();
  return store;
}

class Reader implements LsmReader {
  readonly handle: number;
  /** 0 reads the newest state. */
  protected readonly at: number;

  constructor(handle: number, at: number) {
    this.handle = handle;
    this.at = at;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const packed = packKeys(keys);
    const { bytes } = await answer(() => binding.lsmGetMany(this.handle, this.at, packed));
    const values = new Unpacker(bytes ?? new Uint8Array());
    return keys.map(() => values.value());
  }

  async *range(range: LsmRange): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    const { signal, ...bounds } = range;
    signal?.throwIfAborted();
    const cursor = ask(() =>
      binding.lsmRange(this.handle, this.at, { ...bounds, reverse: range.reverse ?? false }),
    );
    try {
      for (let bytesMax = CHUNK_BYTES_MIN; ; bytesMax = Math.min(4 * bytesMax, CHUNK_BYTES_MAX)) {
        const { bytes } = await answer(() => binding.lsmChunk(cursor, bytesMax));
        signal?.throwIfAborted();
        const chunk = new Unpacker(bytes ?? new Uint8Array([1]));
        const last = chunk.flag();
        while (!chunk.done) {
          yield [chunk.copy(), chunk.copy()];
          signal?.throwIfAborted();
        }
        if (last) return;
      }
    } finally {
      binding.lsmLeave(cursor);
    }
  }
}

class NativeLsm extends Reader implements LsmStore {
  constructor(handle: number) {
    super(handle, 0);
  }

  async batch(ops: readonly LsmOp[]): Promise<void> {
    const packed = packOps(ops);
    await call((channel, token) => binding.lsmCommit(this.handle, packed, channel, token));
  }

  snapshot(): LsmSnapshot {
    return new NativeSnapshot(
      this.handle,
      ask(() => binding.lsmSnapshot(this.handle)),
    );
  }

  stats(): LsmStats {
    return ask(() => binding.lsmStats(this.handle));
  }

  async close(): Promise<void> {
    await answer(() => binding.lsmClose(this.handle));
  }
}

class NativeSnapshot extends Reader implements LsmSnapshot {
  close(): void {
    binding.lsmRelease(this.at);
  }
}

function packOps(ops: readonly LsmOp[]): Uint8Array {
  const packed = new Packer(
    ops.reduce((sum, op) => sum + 8 + op.key.length + (op.kind === 'put' ? op.value.length : 0), 0),
  );
  for (const op of ops) {
    packed.bytes(op.key);
    if (op.kind === 'put') packed.bytes(op.value);
    else packed.length(NOTHING);
  }
  return packed.packed;
}

function packKeys(keys: readonly Uint8Array[]): Uint8Array {
  const packed = new Packer(keys.reduce((sum, key) => sum + 4 + key.length, 0));
  for (const key of keys) packed.bytes(key);
  return packed.packed;
}

/** Writes lengths (u32, little-endian) and bytes. */
class Packer {
  readonly packed: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.packed = new Uint8Array(size);
    this.#view = new DataView(this.packed.buffer);
  }

  length(length: number): void {
    this.#view.setUint32(this.#at, length, true);
    this.#at += 4;
  }

  bytes(bytes: Uint8Array): void {
    this.length(bytes.length);
    this.packed.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

/** Reads what the core packed. */
class Unpacker {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  flag(): boolean {
    return this.#bytes[this.#at++] === 1;
  }

  /** A value that may be missing, in memory it shares with the others. */
  value(): Uint8Array | undefined {
    const length = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    if (length === NOTHING) return undefined;
    this.#at += length;
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + this.#at - length, length);
  }

  /** Bytes of their own, so that an entry that is kept does not keep its chunk. */
  copy(): Uint8Array {
    return new Uint8Array(this.value() ?? []);
  }
}
