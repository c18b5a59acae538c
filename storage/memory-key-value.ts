import type { MemoryLevel } from 'memory-level';
import { PyralogError } from '../base/errors.ts';
import type {
  KeyRange,
  KeyValue,
  KeyValueEntry,
  KeyValueError,
  KeyValueReader,
  KeyValueSnapshot,
} from './key-value.ts';

type Level = MemoryLevel<Uint8Array, Uint8Array>;
type LevelSnapshot = ReturnType<Level['snapshot']>;

/** A {@link KeyValue} in memory, on `memory-level`: what the `level` family on disk will do, without the disk. */
export async function openMemoryKeyValue(): Promise<KeyValue> {
  // Loaded when it is wanted: a node that runs a notary has no use for it.
  const { MemoryLevel } = await import('memory-level');
  const level: Level = new MemoryLevel({ keyEncoding: 'view', valueEncoding: 'view' });
  await level.open();
  return new MemoryKeyValue(level);
}

class Reader implements KeyValueReader {
  protected readonly level: Level;
  readonly #snapshot: LevelSnapshot | undefined;
  protected closed = false;

  constructor(level: Level, snapshot?: LevelSnapshot) {
    this.level = level;
    this.#snapshot = snapshot;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    this.checkOpen();
    const snapshot = this.#snapshot;
    const value = await this.level.get(key, snapshot === undefined ? {} : { snapshot });
    return value === undefined ? undefined : Uint8Array.from(value);
  }

  async *range(range: KeyRange): AsyncIterable<KeyValueEntry> {
    range.signal?.throwIfAborted();
    this.checkOpen();
    const iterator = this.level.iterator({
      ...(range.from === undefined ? {} : { gte: range.from }),
      ...(range.to === undefined ? {} : { lt: range.to }),
      ...(range.reverse === undefined ? {} : { reverse: range.reverse }),
      ...(range.limit === undefined ? {} : { limit: range.limit }),
      ...(this.#snapshot === undefined ? {} : { snapshot: this.#snapshot }),
    });
    try {
      for (;;) {
        range.signal?.throwIfAborted();
        this.checkOpen();
        const entry = await iterator.next();
        if (entry === undefined) return;
        yield [Uint8Array.from(entry[0]), Uint8Array.from(entry[1])];
      }
    } finally {
      await iterator.close();
    }
  }

  protected checkOpen(): void {
    if (this.closed || this.level.status !== 'open') {
      const closed: KeyValueError = new PyralogError(
        'storage/key-value-closed',
        'the key-value store is closed; open it again',
      );
      throw closed;
    }
  }
}

class MemoryKeyValue extends Reader implements KeyValue {
  async batch(ops: Parameters<KeyValue['batch']>[0]): Promise<void> {
    this.checkOpen();
    await this.level.batch(
      ops.map((op) =>
        op.kind === 'put'
          ? { type: 'put', key: Uint8Array.from(op.key), value: Uint8Array.from(op.value) }
          : { type: 'del', key: Uint8Array.from(op.key) },
      ),
    );
  }

  snapshot(): KeyValueSnapshot {
    this.checkOpen();
    return new MemorySnapshot(this.level, this.level.snapshot());
  }

  async close(): Promise<void> {
    await this.level.close();
  }
}

class MemorySnapshot extends Reader implements KeyValueSnapshot {
  readonly #own: LevelSnapshot;

  constructor(level: Level, own: LevelSnapshot) {
    super(level, own);
    this.#own = own;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#own.close();
  }
}
