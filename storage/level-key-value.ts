import { crc32 } from 'node:zlib';
import type { MemoryLevel } from 'memory-level';
import { PyralogError } from '../base/errors.ts';
import type {
  KeyRange,
  KeyValue,
  KeyValueEntry,
  KeyValueReader,
  KeyValueSnapshot,
} from './key-value.ts';
import type { StorageErrorCode } from './types.ts';

type Snapshot = ReturnType<MemoryLevel['snapshot']>;
type At = { readonly snapshot?: Snapshot };
type Batch = (
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }
)[];

/** What is used of the families of `level`. Those with a disk sync a batch before it resolves; the others pass `sync` over. */
export interface Level {
  readonly status: string;
  get(key: Uint8Array, at: At): Promise<Uint8Array | undefined>;
  getMany(keys: Uint8Array[], at: At): Promise<(Uint8Array | undefined)[]>;
  batch(list: Batch, options: { sync: boolean }): Promise<void>;
  iterator(range: At & { gte?: Uint8Array; lt?: Uint8Array; reverse?: boolean; limit?: number }): {
    next(): Promise<[Uint8Array, Uint8Array] | undefined>;
    close(): Promise<void>;
  };
  snapshot(): Snapshot;
  close(): Promise<void>;
}

export interface LevelOptions {
  /** Whether what it hands out and takes in is its own memory, so that it must be copied. */
  readonly sharesMemory: boolean;
  /**
   * Whether every value carries a checksum over its key and itself: LevelDB has some of its own but does not look at them
   * when it reads, so that a flipped bit on disk would be served as if it had been written.
   */
  readonly checksums: boolean;
  /** Directory, for messages. */
  readonly place: string;
}

/** Codes of `level` and ours; anything else is the operating system's refusal. */
const CODES: Readonly<Record<string, StorageErrorCode>> = {
  LEVEL_DATABASE_NOT_OPEN: 'storage/key-value-closed',
  LEVEL_ITERATOR_NOT_OPEN: 'storage/key-value-closed',
  LEVEL_SNAPSHOT_NOT_OPEN: 'storage/key-value-closed',
  LEVEL_LOCKED: 'storage/locked',
  LEVEL_CORRUPTION: 'storage/corrupt',
};

/** What to do about it, by code. */
const ADVICE: Partial<Record<StorageErrorCode, string>> = {
  'storage/key-value-closed': 'open it again',
  'storage/locked': 'another process has it open; stop that one',
  'storage/corrupt': 'restore a backup, or remove it and sync again',
  'storage/disk-full': 'make room, then start again; nothing of the batch counts',
};

/** An error of `level` in our codes. A full disk shows in the text only. */
export function levelError(error: unknown, place: string): PyralogError<StorageErrorCode> {
  if (error instanceof PyralogError) return error as PyralogError<StorageErrorCode>; // ours already
  const chain = [error, (error as { cause?: unknown } | undefined)?.cause];
  const codes = chain.map((one) => String((one as { code?: unknown } | undefined)?.code));
  const text = chain
    .filter((one) => one !== undefined)
    .map(String)
    .join('; ');
  const full = /no space left|ENOSPC|disk quota/i.test(text);
  const known = codes.map((code) => CODES[code]).find((code) => code !== undefined);
  const code = full ? 'storage/disk-full' : (known ?? 'storage/io');
  const advice = ADVICE[code] ?? 'look at the disk, then start again';
  return new PyralogError(code, `key-value store ${place}: ${text}; ${advice}`, { cause: error });
}

class Reader implements KeyValueReader {
  protected readonly level: Level;
  protected readonly options: LevelOptions;
  readonly #at: At;
  protected closed = false;

  constructor(level: Level, options: LevelOptions, snapshot?: Snapshot) {
    this.level = level;
    this.options = options;
    this.#at = snapshot === undefined ? {} : { snapshot };
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.checkOpen();
    try {
      return this.#out(key, await this.level.get(key, this.#at));
    } catch (error) {
      throw levelError(error, this.options.place);
    }
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.checkOpen();
    try {
      const values = await this.level.getMany([...keys], this.#at);
      return values.map((value, i) => this.#out(keys[i] ?? NO_BYTES, value));
    } catch (error) {
      throw levelError(error, this.options.place);
    }
  }

  async *range(range: KeyRange): AsyncIterable<KeyValueEntry> {
    range.signal?.throwIfAborted();
    this.checkOpen();
    const iterator = this.level.iterator({
      ...(range.from === undefined ? {} : { gte: range.from }),
      ...(range.to === undefined ? {} : { lt: range.to }),
      ...(range.reverse === undefined ? {} : { reverse: range.reverse }),
      ...(range.limit === undefined ? {} : { limit: range.limit }),
      ...this.#at,
    });
    try {
      for (;;) {
        range.signal?.throwIfAborted();
        this.checkOpen();
        const entry = await iterator.next().catch((error: unknown) => {
          throw levelError(error, this.options.place);
        });
        if (entry === undefined) return;
        const key = new Uint8Array(entry[0]);
        yield [key, this.#checked(key, new Uint8Array(entry[1]))];
      }
    } finally {
      await iterator.close();
    }
  }

  protected checkOpen(): void {
    if (this.closed || this.level.status !== 'open') {
      throw new PyralogError<StorageErrorCode>(
        'storage/key-value-closed',
        'the key-value store is closed; open it again',
      );
    }
  }

  #out(key: Uint8Array, value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined) return undefined;
    return this.#checked(key, this.options.sharesMemory ? new Uint8Array(value) : value);
  }

  #checked(key: Uint8Array, stored: Uint8Array): Uint8Array {
    if (!this.options.checksums) return stored;
    const value = openValue(key, stored);
    if (value !== undefined) return value;
    throw new PyralogError<StorageErrorCode>(
      'storage/corrupt',
      `key-value store ${this.options.place}: a value is not what was written (checksum); ${ADVICE['storage/corrupt']}`,
    );
  }
}

const NO_BYTES = new Uint8Array(0);
const CHECKSUM_BYTES = 4;

/** The value, then CRC-32 of key and value, u32le. */
function sealValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  // Of the pool: a small array of its own would be moved out of V8's heap by the first native call that sees it.
  const sealed = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
  sealed.set(value);
  const stored = sealed.subarray(0, value.length);
  sealed.writeUInt32LE(crc32(stored, crc32(key)), value.length);
  return sealed;
}

/** Undefined when the checksum is another one. */
function openValue(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) return undefined;
  const value = sealed.subarray(0, length);
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length);
  return view.getUint32(length, true) === crc32(value, crc32(key)) ? value : undefined;
}

/** A {@link KeyValue} on any `level`: every batch is synced where there is a disk. */
export class LevelKeyValue extends Reader implements KeyValue {
  async batch(ops: Parameters<KeyValue['batch']>[0]): Promise<void> {
    this.checkOpen();
    const own = (bytes: Uint8Array) => (this.options.sharesMemory ? new Uint8Array(bytes) : bytes);
    const list = ops.map((op) =>
      op.kind === 'put'
        ? { type: 'put' as const, key: own(op.key), value: this.#stored(op.key, own(op.value)) }
        : { type: 'del' as const, key: own(op.key) },
    );
    try {
      await this.level.batch(list, { sync: true });
    } catch (error) {
      throw levelError(error, this.options.place);
    }
  }

  #stored(key: Uint8Array, value: Uint8Array): Uint8Array {
    return this.options.checksums ? sealValue(key, value) : value;
  }

  snapshot(): KeyValueSnapshot {
    this.checkOpen();
    return new LevelSnapshot(this.level, this.options, this.level.snapshot());
  }

  async close(): Promise<void> {
    await this.level.close();
  }
}

class LevelSnapshot extends Reader implements KeyValueSnapshot {
  readonly #own: Snapshot;

  constructor(level: Level, options: LevelOptions, own: Snapshot) {
    super(level, options, own);
    this.#own = own;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#own.close();
  }
}
