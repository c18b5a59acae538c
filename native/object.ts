/**
 * Large payloads outside the log, and references to files that stay where they are (docs/spec/objects.md).
 *
 * ```ts
 * const store = await openObjects(dir);
 * const { reference, pin } = await store.put(payload);
 * // append a record with schema id 2 and the value `reference`; once it is durable:
 * pin.release();
 * const same = await store.get(reference);
 * ```
 *
 * All of it runs on Node's thread pool. storage/records.ts puts logs, objects and schemas together.
 */
import { PyralogError } from '../base/errors.ts';
import { answer, ask, binding } from './binding.ts';
import type { NativeAnswer } from './pyralog.d.ts';

/** What objects and file references refuse. */
export type ObjectErrorCode =
  /** No such object, or a chunk of it is gone: fetch it from a replica. */
  | 'object/missing'
  /** Stored bytes are not what was written (O4). */
  | 'object/corrupt'
  /** A file is not what its reference says (O13). */
  | 'object/changed'
  /** A path that could lead out of its root, leads through a link, or to no file (O10). */
  | 'object/path'
  /** A file that does not look like the format that was named (O12). */
  | 'object/format'
  /** Bytes that are no reference (O3, O9), or a file that is too long to be read at once. */
  | 'object/malformed'
  /** The store was closed. */
  | 'object/closed'
  /** Another process has the store. */
  | 'storage/locked'
  /** No room; nothing counts. */
  | 'storage/disk-full'
  /** The operating system refused. */
  | 'storage/io';

export type FileFormatName = 'other' | 'parquet' | 'safetensors' | 'zarr';

/** The position of a format is its number (O9). */
export const FILE_FORMATS: readonly FileFormatName[] = ['other', 'parquet', 'safetensors', 'zarr'];

export interface StoredObject {
  /** 80 bytes (O3): the value of a record with schema id 2. */
  readonly reference: Uint8Array;
  /** Keeps the object from being collected until it is released: when the record is durable (O7). */
  readonly pin: { release(): void };
}

export interface SweepFigures {
  readonly objects: number;
  readonly chunks: number;
  readonly packs: number;
  /** Freed on disk. */
  readonly bytes: number;
}

export interface ObjectStats {
  /** Those that are dead and not swept yet among them. */
  readonly objects: number;
  readonly chunks: number;
  readonly packs: number;
  readonly damagedPacks: number;
  /** On disk. */
  readonly bytes: number;
  /** Payloads put since the opening, those that were there already among them, and their bytes. */
  readonly puts: number;
  readonly putBytes: number;
  /** Bytes written for them. */
  readonly storedBytes: number;
  /** Chunks of them that were there already, and their bytes. */
  readonly knownChunks: number;
  readonly knownBytes: number;
  /** Payloads and parts read since the opening, and their bytes. */
  readonly reads: number;
  readonly readBytes: number;
  /** Reads that met damage, or something that is gone. */
  readonly damage: number;
}

export interface ObjectStoreOptions {
  /** As of `CoreOptions`. Default: `real`. */
  readonly fileLayer?: 'real' | 'lose-unsynced';
}

export interface ObjectDamage {
  /** Hexadecimal id. */
  readonly id: string;
  readonly what: string;
}

/** Everything rejects with `object/closed` after closing. */
export interface ObjectStore {
  /** Number under which {@link attachObjects} finds the store in this process. */
  readonly handle: number;
  /**
   * Durable once it resolves. The bytes must not change before. `schemaId` says what they mean (J1); default 0, opaque.
   * Rejects with `storage/disk-full`, `storage/io`.
   */
  put(payload: Uint8Array, options?: { readonly schemaId?: number }): Promise<StoredObject>;
  /** The whole payload, checked. Rejects with `object/missing`, `object/corrupt`, `object/malformed`. */
  get(reference: Uint8Array): Promise<Uint8Array>;
  /** Up to `length` bytes from `from` on, their chunks checked. */
  read(reference: Uint8Array, from: number, length: number): Promise<Uint8Array>;
  /** Reads all of the payload, chunk by chunk, and compares. Rejects as {@link get} does, at any length. */
  check(reference: Uint8Array): Promise<void>;
  /** Begins a collection: what is put from now on survives it. Returns what {@link sweep} wants to be given. */
  beginCollection(): number;
  /**
   * Removes objects that are not among `live` (32-byte ids), were not put since the collection began (nor
   * let go of), and are not pinned (O7). Rejects with the signal's reason, `object/corrupt` while the recipe of a live object cannot be read.
   */
  sweep(
    epoch: number,
    live: readonly Uint8Array[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<SweepFigures>;
  /** Reads every chunk of these objects; resolves with those that cannot be read. */
  verify(ids: readonly Uint8Array[]): Promise<ObjectDamage[]>;
  stats(): ObjectStats;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Opens or creates a store in a directory of its own. Rejects with `storage/locked`, `storage/io`. */
export async function openObjects(
  dir: string,
  { fileLayer = 'real' }: ObjectStoreOptions = {},
): Promise<ObjectStore> {
  const opened = await answer(() => binding.objectOpen(dir, fileLayer === 'lose-unsynced'));
  return new NativeObjects(opened.number ?? 0);
}

/** A handle of this thread to a store that another thread opened. Throws `object/closed` when it is closed. */
export function attachObjects(handle: number): ObjectStore {
  const store = new NativeObjects(handle);
  store.stats();
  return store;
}

/**
 * A reference (O9) to the file or Zarr store at `path` below `root`, as it is now. Rejects with `object/path`,
 * `object/format`, the signal's reason.
 */
export async function referToFile(
  root: string,
  file: { readonly path: string; readonly format: FileFormatName },
  options: { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const format = FILE_FORMATS.indexOf(file.format);
  const { bytes } = await stoppable(options.signal, (stop) =>
    binding.fileRefer(root, file.path, format, stop),
  );
  return bytes ?? NO_BYTES;
}

/** Reads the whole file and compares (O13). Rejects with `object/changed`, `object/path`, the signal's reason. */
export async function verifyFile(
  root: string,
  reference: Uint8Array,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await stoppable(options.signal, (stop) => binding.fileVerify(root, reference, stop));
}

/** The very bytes that were compared (O13), at most `bytesMax`. Rejects as {@link verifyFile} does. */
export async function readFileReference(
  root: string,
  reference: Uint8Array,
  bytesMax: number,
): Promise<Uint8Array> {
  const { bytes } = await answer(() => binding.fileRead(root, reference, bytesMax));
  return bytes ?? NO_BYTES;
}

const NO_BYTES = new Uint8Array(0);

class NativeObjects implements ObjectStore {
  readonly handle: number;

  constructor(handle: number) {
    this.handle = handle;
  }

  async put(
    payload: Uint8Array,
    { schemaId = 0 }: { readonly schemaId?: number } = {},
  ): Promise<StoredObject> {
    const done = await answer(() => binding.objectPut(this.handle, payload, schemaId));
    const pin = done.number ?? 0;
    return {
      reference: done.bytes ?? NO_BYTES,
      pin: { release: () => binding.objectUnpin(pin) },
    };
  }

  async get(reference: Uint8Array): Promise<Uint8Array> {
    const { bytes } = await answer(() => binding.objectGet(this.handle, reference));
    return bytes ?? NO_BYTES;
  }

  async read(reference: Uint8Array, from: number, length: number): Promise<Uint8Array> {
    const { bytes } = await answer(() => binding.objectRead(this.handle, reference, from, length));
    return bytes ?? NO_BYTES;
  }

  async check(reference: Uint8Array): Promise<void> {
    await answer(() => binding.objectCheck(this.handle, reference));
  }

  beginCollection(): number {
    return ask(() => binding.objectBegin(this.handle));
  }

  async sweep(
    epoch: number,
    live: readonly Uint8Array[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SweepFigures> {
    const ids = joined(live);
    const { bytes } = await stoppable(options.signal, (stop) =>
      binding.objectSweep(this.handle, epoch, ids, stop),
    );
    const figures = Buffer.from(bytes ?? new Uint8Array(32));
    const figure = (index: number) => Number(figures.readBigUInt64LE(8 * index));
    return { objects: figure(0), chunks: figure(1), packs: figure(2), bytes: figure(3) };
  }

  async verify(ids: readonly Uint8Array[]): Promise<ObjectDamage[]> {
    const packed = joined(ids);
    const { bytes } = await answer(() => binding.objectVerify(this.handle, packed));
    const lines = Buffer.from(bytes ?? NO_BYTES)
      .toString()
      .split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => ({ id: line.slice(0, 64), what: line.slice(65) }));
  }

  stats(): ObjectStats {
    return ask(() => binding.objectStats(this.handle));
  }

  async close(): Promise<void> {
    await answer(() => binding.objectClose(this.handle));
  }
}

function joined(ids: readonly Uint8Array[]): Uint8Array {
  for (const id of ids) {
    if (id.length !== 32) {
      throw new PyralogError<ObjectErrorCode>(
        'object/malformed',
        `an object's id has 32 bytes, not ${id.length}`,
      );
    }
  }
  return Buffer.concat(ids);
}

/** Runs work that a signal stops: it then rejects with the signal's reason. */
async function stoppable(
  signal: AbortSignal | undefined,
  start: (stop: number) => Promise<NativeAnswer>,
): Promise<NativeAnswer> {
  signal?.throwIfAborted();
  const stop = binding.objectStop();
  const raise = () => binding.objectStopNow(stop);
  signal?.addEventListener('abort', raise);
  try {
    return await answer(() => start(stop));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', raise);
    binding.objectStopForget(stop);
  }
}
