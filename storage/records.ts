/**
 * Records with payloads of any size: the typed face over a log, an object store and a schema registry.
 *
 * ```ts
 * const records = createRecordStore({ log: core, logStore, objects, schemas }, { filesRoot: '/srv/files' });
 * await records.append(0, [{ key, value: tableToIPC(batch, 'stream'), schema: 'orders' }]);
 * const [row] = logStore.read(0, 0, 0);
 * const batch = await records.payload(row, { bytesMax: 64 << 20 });
 * ```
 */
import { assert, PyralogError } from '../base/errors.ts';
import { readFileReference, type SweepFigures, verifyFile } from '../native/index.ts';
import { liveObjects } from './live-objects.ts';
import {
  decodeFileReference,
  decodeObjectReference,
  FILE_SCHEMA,
  OBJECT_SCHEMA,
} from './objects.ts';
import { decodeOutcomes } from './outcome.ts';
import { encodeProposal, type ProposedRecord } from './proposal.ts';
import type {
  Appended,
  NewRecord,
  RecordContent,
  RecordStore,
  RecordStoreDeps,
  RecordStoreOptions,
} from './record-types.ts';
import { checkRecords, filesRoot, type Pin, recordError, storeValue } from './record-values.ts';
import type { LogRow } from './types.ts';

const INLINE_BYTES_DEFAULT = 65_536;
const INLINE_BYTES_MAX = 1 << 20;

/** Refusals that say that the batch did not get into the log and never will (see `Replicator.propose`). */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'batch/malformed',
  'consensus/not-leader',
  'log/clock-behind',
  'log/out-of-range',
  'log/overloaded',
  'storage/disk-full',
  'storage/read-only',
]);

/** One over an object store: its collections know only of the logs of `deps.logStore`. */
export function createRecordStore(
  deps: RecordStoreDeps,
  options: RecordStoreOptions = {},
): RecordStore {
  const { inlineBytesMax = INLINE_BYTES_DEFAULT } = options;
  assert(
    Number.isInteger(inlineBytesMax) && inlineBytesMax >= 1 && inlineBytesMax <= INLINE_BYTES_MAX,
    `inlineBytesMax is from 1 to ${INLINE_BYTES_MAX}`,
  );
  return new Records(deps, { ...options, inlineBytesMax });
}

/** Pins whose records are in a log, but do not show yet. */
interface Awaited {
  readonly partition: number;
  readonly offset: number;
  readonly pins: readonly Pin[];
}

class Records implements RecordStore {
  readonly #deps: RecordStoreDeps;
  readonly #options: RecordStoreOptions & { readonly inlineBytesMax: number };
  readonly #working = new Set<Promise<unknown>>();
  #awaited: Awaited[] = [];
  /** Of appends of which nobody knows whether they will show (O14). */
  readonly #kept: Pin[] = [];
  #closed = false;

  constructor(
    deps: RecordStoreDeps,
    options: RecordStoreOptions & { readonly inlineBytesMax: number },
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  append(
    partition: number,
    records: readonly NewRecord[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Appended> {
    return this.#track(() => this.#append(partition, records, signal));
  }

  content(row: LogRow): RecordContent {
    const { schemaId } = row.record;
    if (schemaId === OBJECT_SCHEMA) {
      const reference = decodeObjectReference(row.value);
      return { kind: 'object', schemaId: reference.schemaId, reference };
    }
    if (schemaId === FILE_SCHEMA) {
      return { kind: 'file', reference: decodeFileReference(row.value) };
    }
    return { kind: 'value', schemaId };
  }

  payload(row: LogRow, { bytesMax }: { readonly bytesMax: number }): Promise<Uint8Array> {
    return this.#track(async () => {
      const content = this.content(row);
      const length = content.kind === 'value' ? row.value.length : content.reference.length;
      if (length > bytesMax) {
        throw recordError(
          'record/too-long',
          `the payload of record ${row.record.offset} has ${length} bytes, the reader allows ${bytesMax}: read it in parts, or allow more`,
        );
      }
      if (content.kind === 'value') return row.value;
      if (content.kind === 'object') return this.#deps.objects.get(row.value);
      return readFileReference(filesRoot(this.#options.filesRoot), row.value, bytesMax);
    });
  }

  part(
    row: LogRow,
    { from, length }: { readonly from: number; readonly length: number },
  ): Promise<Uint8Array> {
    return this.#track(async () => {
      const { kind } = this.content(row);
      if (kind === 'object') return this.#deps.objects.read(row.value, from, length);
      if (kind === 'value') return row.value.subarray(from, from + length);
      throw recordError(
        'record/malformed',
        'a file is compared as a whole, so there are no parts of it: read its payload, or verify it',
      );
    });
  }

  verify(row: LogRow, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#track(async () => {
      const content = this.content(row);
      if (content.kind === 'file') {
        const root = filesRoot(this.#options.filesRoot);
        return verifyFile(root, row.value, signal === undefined ? {} : { signal });
      }
      if (content.kind === 'object') await this.#deps.objects.check(row.value);
    });
  }

  collect({ signal }: { readonly signal?: AbortSignal } = {}): Promise<SweepFigures> {
    return this.#track(async () => {
      const { objects, logStore } = this.#deps;
      // In this order (O16): what is put, or let go of, from here on survives.
      const epoch = objects.beginCollection();
      this.#letGo();
      const live = await liveObjects(logStore, signal);
      return objects.sweep(epoch, live, signal === undefined ? {} : { signal });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#working);
    // What does not show by now is kept until the object store is closed.
    this.#letGo();
  }

  async #append(
    partition: number,
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
  ): Promise<Appended> {
    signal?.throwIfAborted();
    if (records.length === 0) {
      throw recordError('record/malformed', 'there are no records to append');
    }
    // A partition that does not exist is refused before anything is stored for it.
    this.#deps.logStore.durableSize(partition);
    const pins: Pin[] = [];
    let proposal: Uint8Array;
    try {
      proposal = encodeProposal(await this.#proposed(records, pins, signal));
      signal?.throwIfAborted();
    } catch (error) {
      release(pins);
      throw error;
    }
    return this.#propose({ partition, proposal, pins, count: records.length }, signal);
  }

  async #proposed(
    records: readonly NewRecord[],
    pins: Pin[],
    signal: AbortSignal | undefined,
  ): Promise<ProposedRecord[]> {
    const values = { deps: this.#deps, options: this.#options };
    const ids = await checkRecords(values, records, signal);
    const proposed: ProposedRecord[] = [];
    for (const [i, record] of records.entries()) {
      const schemaId = ids[i] ?? 0;
      proposed.push(await storeValue(values, { record, schemaId, pins }, signal));
    }
    return proposed;
  }

  /** Proposes what refers to durable objects only, and keeps them until the records show (O14). */
  async #propose(
    batch: { partition: number; proposal: Uint8Array; pins: readonly Pin[]; count: number },
    signal: AbortSignal | undefined,
  ): Promise<Appended> {
    const { partition, proposal, pins, count } = batch;
    try {
      const { outcomes, durability } = await this.#deps.log.propose(partition, proposal, {
        wait: 'durable',
        paths: false,
        ...(signal === undefined ? {} : { signal }),
      });
      const decided = decodeOutcomes(outcomes, count);
      const offset = Math.max(...decided.map((outcome) => outcome.offset));
      if (pins.length > 0) this.#awaited.push({ partition, offset, pins });
      this.#letGo();
      return { outcomes: decided, durability };
    } catch (error) {
      if (error instanceof PyralogError && NOT_TAKEN.has(error.code)) release(pins);
      else this.#kept.push(...pins);
      throw error;
    }
  }

  /** Lets go of the objects whose records show: from then on collections find them. */
  #letGo(): void {
    const { logStore } = this.#deps;
    const hidden = ({ partition, offset }: Awaited) => logStore.durableSize(partition) <= offset;
    for (const shown of this.#awaited.filter((awaited) => !hidden(awaited))) release(shown.pins);
    this.#awaited = this.#awaited.filter(hidden);
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw recordError('record/closed', 'the record store is closed');
    const running = work();
    this.#working.add(running);
    try {
      return await running;
    } finally {
      this.#working.delete(running);
    }
  }
}

function release(pins: readonly Pin[]): void {
  for (const pin of pins) pin.release();
}
