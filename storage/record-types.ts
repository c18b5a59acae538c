import type { PyralogError } from '../base/errors.ts';
import type {
  FileFormatName,
  ObjectErrorCode,
  ObjectStore,
  SchemaErrorCode,
  SchemaRegistry,
  SweepFigures,
} from '../native/index.ts';
import type { Header } from '../receipt/index.ts';
import type { FileReference, ObjectReference } from './objects.ts';
import type { Outcome } from './outcome.ts';
import type { LogRow, LogStore, StorageErrorCode } from './types.ts';

/** What a record store refuses by itself; the parts it is made of have codes of their own. */
export type RecordErrorCode =
  /** A record that cannot be one: a reserved schema id, a file with a schema, an empty batch of records. */
  | 'record/malformed'
  /** The payload is longer than the reader allows: read it in parts, or allow more. */
  | 'record/too-long'
  /** File references are not set up here: no root directory was given (O10). */
  | 'record/no-files'
  /** The record store was closed. */
  | 'record/closed';

export type RecordError = PyralogError<
  RecordErrorCode | ObjectErrorCode | SchemaErrorCode | StorageErrorCode
>;

/** A file or Zarr store that stays where it is (O9). */
export interface FileSource {
  /** Relative to the root that the operator chose (O10). */
  readonly path: string;
  readonly format: FileFormatName;
}

/** What is to become a record. Bytes must not change until the append is answered. */
export interface NewRecord {
  readonly value: Uint8Array | { readonly file: FileSource };
  /**
   * What the value means: the id of a registered schema, or a subject, which stands for its newest version. The value is
   * an Arrow IPC stream then (J8). Default: opaque bytes.
   */
  readonly schema?: number | string;
  readonly key?: Uint8Array;
  readonly headers?: readonly Header[];
  /** Default: anonymous. */
  readonly submitter?: string;
  /** Recognises a repetition (N1), whatever the value is. */
  readonly idempotencyKey?: string;
}

/** What became of a batch. */
export interface Appended {
  /** Of each record, in order. */
  readonly outcomes: readonly Outcome[];
  /** `accepted`: the log does not sync for every answer, so a crash may lose the batch (N11); what it refers to is durable. */
  readonly durability: 'durable' | 'accepted';
}

/** Where the payload of a record is. */
export type RecordContent =
  | { readonly kind: 'value'; readonly schemaId: number }
  | { readonly kind: 'object'; readonly schemaId: number; readonly reference: ObjectReference }
  | { readonly kind: 'file'; readonly reference: FileReference };

/**
 * Records with payloads of any size over logs that hold small ones (objects.md O14–O16): values are checked against their
 * schema before they are proposed, large ones become objects, and files stay where they are.
 */
export interface RecordStore {
  /**
   * Appends records as one batch, in order. Nothing is proposed unless all of them can be, and what they refer to is
   * durable before they are. Rejects with a {@link RecordError}, the signal's reason, or what the replicator says.
   */
  append(
    partition: number,
    records: readonly NewRecord[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<Appended>;
  /** Throws `object/malformed` for a value that is no reference though its schema id says so. */
  content(row: LogRow): RecordContent;
  /**
   * The whole payload, checked against the record (O15). Rejects with `record/too-long` above `bytesMax`, `record/no-files`,
   * and the codes of objects and files.
   */
  payload(row: LogRow, options: { readonly bytesMax: number }): Promise<Uint8Array>;
  /** Up to `length` bytes from `from` on, checked. Of a file there are no parts: `record/malformed`. */
  part(row: LogRow, range: { readonly from: number; readonly length: number }): Promise<Uint8Array>;
  /** Reads all that the record refers to and compares. Rejects as {@link payload} does. */
  verify(row: LogRow, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Removes objects that no record of any log refers to (O16). Rejects when a record cannot be read: then nothing is removed. */
  collect(options?: { readonly signal?: AbortSignal }): Promise<SweepFigures>;
  /** Takes no more, and resolves when appends on their way are answered. Logs, objects and schemas stay the caller's. */
  close(): Promise<void>;
}

/** The write side of the logs: a replicator, or the native core itself. */
export interface RecordLog {
  propose(
    partition: number,
    proposal: Uint8Array,
    options: { readonly wait: 'durable'; readonly paths: false; readonly signal?: AbortSignal },
  ): Promise<{ readonly outcomes: Uint8Array; readonly durability: Appended['durability'] }>;
}

export interface RecordStoreDeps {
  readonly log: RecordLog;
  /** Of the same logs. */
  readonly logStore: LogStore;
  readonly objects: ObjectStore;
  readonly schemas: SchemaRegistry;
}

export interface RecordStoreOptions {
  /** Values above it go into the object store; 1 to 1,048,576, default 65,536: the shortest chunk but a payload's last (O1). */
  readonly inlineBytesMax?: number;
  /** Directory below which referenced files are. Without it there are none. */
  readonly filesRoot?: string;
}
