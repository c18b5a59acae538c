/**
 * The values by which records refer to large payloads, read without the native core.
 *
 * The bytes themselves come from {@link openObjects} and {@link readFileReference}.
 */
import { PyralogError } from '../base/errors.ts';
import { FILE_FORMATS, type FileFormatName, type ObjectErrorCode } from '../native/index.ts';
import { FIRST_SCHEMA } from '../receipt/index.ts';

/** Schema id of records whose value is an object reference (J1, O3). */
export const OBJECT_SCHEMA = 2;
/** Schema id of records whose value is a file reference (J1, O9). */
export const FILE_SCHEMA = 3;

export interface ObjectReference {
  /** What the payload means: 0 for opaque bytes, or a registered schema (J1). */
  readonly schemaId: number;
  /** Bytes of the payload. */
  readonly length: number;
  /** BLAKE3 of the recipe (O2): names the object in the store. */
  readonly id: Uint8Array;
  /** BLAKE3 of the payload. */
  readonly content: Uint8Array;
}

export interface FileReference {
  readonly format: FileFormatName;
  /** Relative to the root that the operator chose (O10). It is checked when the file is opened. */
  readonly path: string;
  readonly length: number;
  /** BLAKE3 of the file, or of the Zarr store's manifest (O11). */
  readonly hash: Uint8Array;
}

/** Of references of both kinds (O3, O9). */
export const REFERENCE_VERSION = 1;
const OBJECT_BYTES = 80;
const FILE_HEAD_BYTES = 44;

/** Reads the value of a record with schema id 2. Throws `object/malformed` for anything that O3 does not allow. */
export function decodeObjectReference(bytes: Uint8Array): ObjectReference {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length !== OBJECT_BYTES || view.readUInt32LE(0) !== REFERENCE_VERSION) {
    throw malformed(`no object reference: ${view.length} bytes, ${OBJECT_BYTES} of version 1 are`);
  }
  const schemaId = view.readUInt32LE(4);
  if (schemaId !== 0 && schemaId < FIRST_SCHEMA) {
    throw malformed(`no object reference: schema ${schemaId} is reserved`);
  }
  return {
    schemaId,
    length: lengthAt(view, 8),
    id: new Uint8Array(view.subarray(16, 48)),
    content: new Uint8Array(view.subarray(48)),
  };
}

/** Reads the value of a record with schema id 3. Throws `object/malformed` for anything that O9 does not allow. */
export function decodeFileReference(bytes: Uint8Array): FileReference {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const format = FILE_FORMATS[view[1] ?? -1];
  if (view.length < FILE_HEAD_BYTES || view[0] !== REFERENCE_VERSION || format === undefined) {
    throw malformed('no file reference of version 1 and a known format');
  }
  if (view.readUInt16LE(2) !== view.length - FILE_HEAD_BYTES) {
    throw malformed("a file reference's path has another length");
  }
  return {
    format,
    path: textOf(view.subarray(FILE_HEAD_BYTES)),
    length: lengthAt(view, 4),
    hash: new Uint8Array(view.subarray(12, FILE_HEAD_BYTES)),
  };
}

function lengthAt(view: Buffer, at: number): number {
  const length = Number(view.readBigUInt64LE(at));
  if (Number.isSafeInteger(length)) return length;
  throw malformed(`a length of ${length} is above 2^53 - 1`);
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed("a file reference's path is no UTF-8", cause);
  }
}

function malformed(what: string, cause?: unknown): PyralogError<ObjectErrorCode> {
  return new PyralogError('object/malformed', what, { cause });
}
