import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Field, Int32, Schema, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import {
  type ObjectStore,
  openObjects,
  openSchemas,
  type SchemaRegistry,
} from '../../storage/index.ts';

/** Objects, schemas and a root of files below one directory. */
export interface PayloadParts {
  readonly objects: ObjectStore;
  readonly schemas: SchemaRegistry;
  readonly filesRoot: string;
  close(): Promise<void>;
}

export async function openPayloadParts(
  dir: string,
  fileLayer: 'real' | 'lose-unsynced' = 'real',
): Promise<PayloadParts> {
  const filesRoot = join(dir, 'files');
  mkdirSync(filesRoot, { recursive: true });
  const objects = await openObjects(join(dir, 'objects'), { fileLayer });
  const schemas = await openSchemas(join(dir, 'schemas'), { fileLayer });
  return {
    objects,
    schemas,
    filesRoot,
    close: async () => {
      schemas.close();
      await objects.close();
    },
  };
}

/** Bytes that nothing repeats in, a function of the seed. */
export function noise(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed + 1;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE((state ^ (state >>> 13)) >>> 0, at);
  }
  return bytes;
}

const orderFields = [new Field('id', new Int32(), false), new Field('note', new Utf8(), true)];

/** The schema of {@link orders}, as a stream. */
export const orderSchema = (): Uint8Array =>
  tableToIPC(new Table(new Schema(orderFields)), 'stream');

/** Orders as an Arrow stream of one batch; `note` is this many characters each. */
export function orders(count: number, noteLength = 5): Uint8Array {
  const ids = Array.from({ length: count }, (_, i) => i);
  const table = new Table(new Schema(orderFields), {
    id: vectorFromArray(ids, new Int32()),
    note: vectorFromArray(
      ids.map((id) => `${id}`.padEnd(noteLength, '-')),
      new Utf8(),
    ),
  });
  return tableToIPC(table, 'stream');
}

/** As {@link orders}, but the ids are text. */
export function misfits(count: number): Uint8Array {
  const ids = Array.from({ length: count }, (_, i) => `${i}`);
  const fields = [new Field('id', new Utf8(), false), new Field('note', new Utf8(), true)];
  const column = vectorFromArray(ids, new Utf8());
  return tableToIPC(new Table(new Schema(fields), { id: column, note: column }), 'stream');
}
