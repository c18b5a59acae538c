/** From what a caller appends to what a log holds: values checked, large ones stored, references made (O14, J8). */
import { PyralogError } from '../base/errors.ts';
import { referToFile, type StoredObject } from '../native/index.ts';
import { encodeHeaders, FIRST_SCHEMA } from '../receipt/index.ts';
import { FILE_SCHEMA, OBJECT_SCHEMA } from './objects.ts';
import type { ProposedRecord } from './proposal.ts';
import type {
  FileSource,
  NewRecord,
  RecordErrorCode,
  RecordStoreDeps,
  RecordStoreOptions,
} from './record-types.ts';

export const OPAQUE_SCHEMA = 0;

/** Keeps an object until the record that refers to it shows. */
export type Pin = StoredObject['pin'];

export interface Values {
  readonly deps: Pick<RecordStoreDeps, 'objects' | 'schemas'>;
  readonly options: Required<Pick<RecordStoreOptions, 'inlineBytesMax'>> & RecordStoreOptions;
}

/** Refuses what does not fit before anything is stored for any record of the batch. */
export async function checkRecords(
  { deps }: Values,
  records: readonly NewRecord[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const ids: number[] = [];
  for (const record of records) {
    signal?.throwIfAborted();
    checkText(record);
    const { value, schema } = record;
    const id = schemaOf(deps, schema);
    if (id !== OPAQUE_SCHEMA) {
      if (!(value instanceof Uint8Array)) {
        throw recordError(
          'record/malformed',
          'a file reference has no schema: its format says what it is; leave `schema` out',
        );
      }
      await deps.schemas.check(id, value);
    }
    ids.push(id);
  }
  return ids;
}

/** A lone surrogate would become U+FFFD on its way, and two names one. */
function checkText({ value, submitter, idempotencyKey }: NewRecord): void {
  const path = value instanceof Uint8Array ? undefined : value.file.path;
  for (const [name, text] of Object.entries({ submitter, idempotencyKey, path })) {
    if (text === undefined || text.isWellFormed()) continue;
    throw recordError('record/malformed', `${name} is not well-formed Unicode`);
  }
}

function schemaOf({ schemas }: Values['deps'], schema: number | string | undefined): number {
  if (schema === undefined || schema === OPAQUE_SCHEMA) return OPAQUE_SCHEMA;
  if (typeof schema === 'number') {
    if (Number.isInteger(schema) && schema >= FIRST_SCHEMA && schema < 2 ** 32) return schema;
    throw recordError(
      'record/malformed',
      `schema ${schema} is no registered one: give an id from ${FIRST_SCHEMA} on, a subject, or none for opaque bytes`,
    );
  }
  const newest = schemas.subject(schema)?.versions.at(-1);
  if (newest !== undefined) return newest;
  throw new PyralogError('schema/unknown', `subject ${JSON.stringify(schema)} has no schema here`, {
    data: { subject: schema },
  });
}

/**
 * The record as the log will hold it. A payload that becomes an object is durable when this resolves; its pin is in `pins`.
 */
export async function storeValue(
  values: Values,
  { record, schemaId, pins }: { record: NewRecord; schemaId: number; pins: Pin[] },
  signal: AbortSignal | undefined,
): Promise<ProposedRecord> {
  const { value, key, headers = [], submitter = '', idempotencyKey } = record;
  const rest = {
    submitter,
    ...(key === undefined ? {} : { key }),
    ...(headers.length === 0 ? {} : { headers: encodeHeaders(headers) }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  if (!(value instanceof Uint8Array)) {
    const reference = await refer(values.options.filesRoot, value.file, signal);
    return { ...rest, schemaId: FILE_SCHEMA, value: reference };
  }
  if (value.length <= values.options.inlineBytesMax) return { ...rest, schemaId, value };
  signal?.throwIfAborted();
  const { reference, pin } = await values.deps.objects.put(value, { schemaId });
  pins.push(pin);
  return { ...rest, schemaId: OBJECT_SCHEMA, value: reference };
}

function refer(
  root: string | undefined,
  { path, format }: FileSource,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  return referToFile(filesRoot(root), { path, format }, signal === undefined ? {} : { signal });
}

export function filesRoot(root: string | undefined): string {
  if (root !== undefined) return root;
  throw recordError(
    'record/no-files',
    'no directory of files is set up here: set store.filesDir to the one that references are below',
  );
}

export function recordError(
  code: RecordErrorCode,
  message: string,
  cause?: unknown,
): PyralogError<RecordErrorCode> {
  return new PyralogError(code, message, { cause });
}
