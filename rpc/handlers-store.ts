/** The operator's methods about schemas and records with large payloads (objects.md, schemas.md). */
import {
  countFromWire,
  type MethodName,
  type MethodParams,
  type MethodResult,
  PAYLOAD_BYTES_MAX,
} from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';
import type {
  LogRow,
  LogStore,
  NewRecord,
  RecordContent,
  SchemaErrorCode,
  SchemaRegistry,
} from '../storage/index.ts';
import type { ClusterReads } from './cluster-access.ts';
import { rpcError } from './errors.ts';
import { reach } from './reading.ts';
import { type Handlers, need } from './serve.ts';
import type { StoreAccess } from './store-access.ts';

type StoreMethod = Extract<MethodName, `schema_${string}` | `record_${string}`>;

export function storeHandlers(
  store: StoreAccess,
  cluster: ClusterReads | undefined,
): Handlers<StoreMethod> {
  const { records, logStore, schemas } = store;
  return {
    schema_register: async ({ subject, schema }) => ({
      id: await schemas.register(subject, bytesOf(schema)),
    }),
    schema_rule: async ({ subject, rule }) => {
      await schemas.setRule(subject, rule);
      return { subject, rule };
    },
    schema_list: () => ({
      subjects: schemas.subjects().map((subject) => {
        const { rule, versions } = schemas.subject(subject) ?? { rule: 'none', versions: [] };
        return { subject, rule, versions: [...versions] };
      }),
    }),
    schema_show: ({ schema }) => {
      const id = idOf(schemas, schema);
      return { id, schema: textOf(schemas.schema(id)) };
    },
    schema_check: async ({ schema, value }) => {
      const id = idOf(schemas, schema);
      return { id, rows: await schemas.check(id, bytesOf(value)) };
    },
    record_append: async ({ origin, records: given }, { signal }) => {
      const partition = partitionOf(logStore, origin);
      const news = given.map(newRecord);
      const { outcomes, durability } = await records.append(partition, news, { signal });
      return {
        durability,
        records: outcomes.map(({ status, id, offset, timestamp }) => ({
          status,
          id: id.toString(),
          offset: offset.toString(),
          timestamp: timestamp.toString(),
        })),
      };
    },
    record_read: async (params) => {
      await reach(cluster, originOf(logStore, params.origin), params);
      return readRecord(store, params);
    },
    record_collect: async (_, { signal }) => {
      const { bytes, ...figures } = await records.collect({ signal });
      return { ...figures, bytes: bytes.toString() };
    },
  };
}

async function readRecord(
  { records, logStore }: StoreAccess,
  params: MethodParams<'record_read'>,
): Promise<MethodResult<'record_read'>> {
  const { origin, from, length } = params;
  const partition = partitionOf(logStore, origin);
  const offset = offsetOf(logStore, partition, params);
  const row = logStore.read(partition, offset, 0)[0];
  if (row?.record.offset !== offset) {
    throw rpcError('log/out-of-range', `there is no record at offset ${offset}`);
  }
  const content = records.content(row);
  const isPart = from !== undefined || length !== undefined;
  const value = isPart
    ? await records.part(row, {
        from: need(countFromWire(from ?? '0', 'from')),
        length: length ?? PAYLOAD_BYTES_MAX,
      })
    : await records.payload(row, { bytesMax: PAYLOAD_BYTES_MAX });
  return {
    id: row.record.scarabId.toString(),
    offset: offset.toString(),
    timestamp: row.record.timestamp.toString(),
    ...contentToWire(content, row),
    ...(row.key === undefined ? {} : { key: textOf(row.key) }),
    value: textOf(value),
  };
}

/** By offset, by key (also as of a time), or by time. */
function offsetOf(
  logStore: LogStore,
  partition: number,
  { offset, key, at }: MethodParams<'record_read'>,
): number {
  if (offset !== undefined && key === undefined && at === undefined) {
    return need(countFromWire(offset, 'offset'));
  }
  if (offset !== undefined || (key === undefined && at === undefined)) {
    throw rpcError('rpc/invalid-params', 'give either offset, or key, or at, or key and at');
  }
  const ms = at === undefined ? undefined : need(countFromWire(at, 'at'));
  const found =
    key === undefined
      ? logStore.findByTime(partition, ms ?? 0)
      : logStore.findByKey(partition, bytesOf(key), ms);
  if (found !== undefined) return found;
  const what = key === undefined ? `no record at or after ${ms}` : 'no record with this key';
  const then = key === undefined || ms === undefined ? '' : ` at or before ${ms}`;
  throw rpcError('notary/not-found', `the log has ${what}${then}`);
}

function contentToWire(content: RecordContent, row: LogRow) {
  if (content.kind === 'file') {
    const { path, format, length } = content.reference;
    return { kind: content.kind, file: { path, format }, length: length.toString() };
  }
  const { kind, schemaId } = content;
  const length = kind === 'object' ? content.reference.length : row.value.length;
  return { kind, schema: schemaId, length: length.toString() };
}

function newRecord(
  record: MethodParams<'record_append'>['records'][number],
  index: number,
): NewRecord {
  const { value, file, schema, key, submitter, idempotencyKey } = record;
  if ((value === undefined) === (file === undefined)) {
    throw rpcError('rpc/invalid-params', `records[${index}] must have either value or file`);
  }
  return {
    value: file === undefined ? bytesOf(value ?? '') : { file },
    ...(schema === undefined ? {} : { schema }),
    ...(key === undefined ? {} : { key: bytesOf(key) }),
    ...(submitter === undefined ? {} : { submitter }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function idOf(schemas: SchemaRegistry, schema: number | string): number {
  if (typeof schema === 'number') return schema;
  const newest = schemas.subject(schema)?.versions.at(-1);
  if (newest !== undefined) return newest;
  const message = `subject ${JSON.stringify(schema)} has no schema here; see schema_list`;
  throw new PyralogError<SchemaErrorCode>('schema/unknown', message);
}

/** The log of an origin; without one, the first. */
function originOf(logStore: LogStore, origin: string | undefined): string | undefined {
  return logStore.partitions[partitionOf(logStore, origin)]?.origin;
}

function partitionOf({ partitions }: LogStore, origin: string | undefined): number {
  if (origin === undefined) return 0;
  const found = partitions.findIndex((one) => one.origin === origin);
  if (found >= 0) return found;
  throw rpcError('notary/unknown-log', 'this node keeps no log of that origin; see log_info');
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
