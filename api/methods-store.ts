// SPDX-License-Identifier: Apache-2.0
/**
 * Methods of the store, for the operator: schemas, and records with payloads of any size (objects.md, schemas.md). The
 * notary's own records hold digests alone. Bytes are standard base64 here, for there are many.
 */
import Type from 'typebox';
import { FIRST_SCHEMA } from '../receipt/index.ts';
import { origin } from './examples.ts';
import * as s from './schemas.ts';

/** Most bytes of a payload that one answer holds. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;
/** Most records of one `record_append`. */
export const APPEND_RECORDS_MAX = 1_000;

const base64 = (description: string) =>
  Type.String({
    pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
    description: `${description} Standard base64.`,
  });

const subject = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'What changes together, such as a topic (schemas.md J3).',
});
const rule = Type.Enum(['none', 'backward', 'forward', 'full'], {
  description: 'What a subject asks of new versions (J4).',
});
const schemaId = Type.Integer({
  minimum: FIRST_SCHEMA,
  maximum: 4_294_967_295,
  description: 'Id of a registered schema (J1).',
});
const schemaName = Type.Union([schemaId, subject], {
  description: 'A schema by its id, or the newest one of a subject.',
});
const subjectState = s.shape({ subject, rule, versions: Type.Array(schemaId) });
const stream = base64('Arrow IPC stream.');
const fileSource = s.shape({
  path: Type.String({ maxLength: 1_024, description: 'Below `store.filesDir` (objects.md O10).' }),
  format: Type.Enum(['other', 'parquet', 'safetensors', 'zarr'], {
    description: 'What the file is.',
  }),
});

const admin = { listener: 'admin' } as const;
const exampleSubject = { subject: 'orders', rule: 'backward', versions: [256] } as const;

export const storeMethods = {
  schema_register: {
    ...admin,
    summary: 'Registers a schema as the newest version of a subject.',
    idempotent: true,
    params: s.shape({ subject, schema: stream }),
    result: s.shape({ id: schemaId }),
    example: { params: { subject: 'orders', schema: 'AAAA' }, result: { id: 256 } },
  },
  schema_rule: {
    ...admin,
    summary: 'Sets what a subject asks of versions that come later.',
    idempotent: true,
    params: s.shape({ subject, rule }),
    result: s.shape({ subject, rule }),
    example: {
      params: { subject: 'orders', rule: 'full' },
      result: { subject: 'orders', rule: 'full' },
    },
  },
  schema_list: {
    ...admin,
    summary: 'All subjects with their rules and versions.',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({ subjects: Type.Array(subjectState) }),
    example: { params: {}, result: { subjects: [exampleSubject] } },
  },
  schema_show: {
    ...admin,
    summary: 'One schema, as an Arrow IPC stream without batches.',
    idempotent: true,
    params: s.shape({ schema: schemaName }),
    result: s.shape({ id: schemaId, schema: stream }),
    example: { params: { schema: 'orders' }, result: { id: 256, schema: 'AAAA' } },
  },
  schema_check: {
    ...admin,
    summary: 'Whether a stream of batches fits; `schema/misfit` names the field that does not.',
    idempotent: true,
    params: s.shape({ schema: schemaName, value: stream }),
    result: s.shape({ id: schemaId, rows: Type.Integer({ minimum: 0 }) }),
    example: { params: { schema: 256, value: 'AAAA' }, result: { id: 256, rows: 3 } },
  },
  record_append: {
    ...admin,
    summary: 'Appends records as one batch; large values become objects (O14).',
    idempotent: true,
    params: s.shape({
      origin: Type.Optional(s.origin),
      records: Type.Array(
        s.shape({
          value: Type.Optional(base64('The payload.')),
          file: Type.Optional(fileSource),
          schema: Type.Optional(schemaName),
          key: Type.Optional(base64('The key.')),
          submitter: Type.Optional(s.submitter),
          idempotencyKey: Type.Optional(s.idempotencyKey),
        }),
        { minItems: 1, maxItems: APPEND_RECORDS_MAX },
      ),
    }),
    result: s.shape({
      durability: Type.Enum(['durable', 'accepted'], {
        description: 'What the log promises of the batch (N11).',
      }),
      records: Type.Array(
        s.shape({
          status: Type.Enum(['new', 'duplicate', 'conflict']),
          id: s.id,
          offset: s.decimal('Where it stands; of a conflict, where the one with its key does.'),
          timestamp: s.decimal('Milliseconds since 1970.'),
        }),
      ),
    }),
    example: {
      params: { records: [{ value: 'AAAA', idempotencyKey: 'order-7' }] },
      result: {
        durability: 'durable',
        records: [{ status: 'new', id: '234881024000', offset: '0', timestamp: '1790000000000' }],
      },
    },
  },
  record_read: {
    ...admin,
    summary: 'One record by offset, key or time, with its payload or a part of it, checked (O15).',
    idempotent: true,
    params: s.shape({
      origin: Type.Optional(s.origin),
      offset: Type.Optional(s.decimal('Where the record stands.')),
      key: Type.Optional(base64('Instead of `offset`: the latest record with this key (Z11).')),
      at: Type.Optional(
        s.decimal(
          'Unix milliseconds. With `key`: the latest record at or before; alone: the first at or after.',
        ),
      ),
      from: Type.Optional(s.decimal('First byte of the payload; default 0.')),
      length: Type.Optional(
        Type.Integer({ minimum: 0, maximum: PAYLOAD_BYTES_MAX, description: 'Bytes of a part.' }),
      ),
      ...s.reading,
    }),
    result: s.shape({
      id: s.id,
      offset: s.decimal('Where it stands.'),
      timestamp: s.decimal('Milliseconds since 1970.'),
      kind: Type.Enum(['value', 'object', 'file'], { description: 'Where the payload is.' }),
      schema: Type.Optional(Type.Integer({ minimum: 0, description: 'Of the payload (J1).' })),
      file: Type.Optional(fileSource),
      length: s.decimal('Bytes of the whole payload.'),
      key: Type.Optional(base64('The key.')),
      value: base64('The payload, or the part that was asked for.'),
    }),
    example: {
      params: { origin, offset: '0' },
      result: {
        id: '234881024000',
        offset: '0',
        timestamp: '1790000000000',
        kind: 'value',
        schema: 0,
        length: '3',
        value: 'AAAA',
      },
    },
  },
  record_collect: {
    ...admin,
    summary: 'Removes objects that no record refers to (O16); reads all logs.',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({
      objects: Type.Integer({ minimum: 0 }),
      chunks: Type.Integer({ minimum: 0 }),
      packs: Type.Integer({ minimum: 0 }),
      bytes: s.decimal('Freed on disk.'),
    }),
    example: { params: {}, result: { objects: 1, chunks: 3, packs: 1, bytes: '700000' } },
  },
} as const;
