import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DataType,
  Field,
  Float64,
  Int32,
  Schema,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { PyralogError } from '../../../base/errors.ts';
import { openSchemas, type SchemaRegistry } from '../../../storage/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

const required = (name: string, type: DataType) => new Field(name, type, false);
const nullable = (name: string, type: DataType) => new Field(name, type, true);
const stream = (...fields: Field[]) => tableToIPC(new Table(new Schema(fields)), 'stream');

describe('schema registry', () => {
  const place = tempDir();
  const file = () => join(place(), 'schemas');
  let registry: SchemaRegistry;
  beforeEach(async () => {
    registry = await openSchemas(file());
  });
  afterEach(() => registry.close());

  const id = required('id', new Int32());
  const named = (name: string, code: string) => (error: unknown) => {
    assert.ok(error instanceof PyralogError, String(error));
    assert.deepEqual([error.code, error.data['field']], [code, name]);
    return true;
  };

  it('gives ids from 256 on, and keeps schemas', async () => {
    assert.equal(await registry.register('orders', stream(id)), 256);
    assert.equal(await registry.register('orders', stream(id)), 256);
    const note = nullable('note', new Utf8());
    assert.equal(await registry.register('orders', stream(id, note)), 257);
    registry.close();
    registry = await openSchemas(file());
    assert.deepEqual(registry.subject('orders'), { rule: 'backward', versions: [256, 257] });
    assert.deepEqual(registry.subjects(), ['orders']);
    assert.equal(registry.subject('nobody'), undefined);
    const { fields } = tableFromIPC(registry.schema(257)).schema;
    assert.deepEqual(
      fields.map((field) => [field.name, String(field.type), field.nullable]),
      [
        ['id', 'Int32', false],
        ['note', 'Utf8', true],
      ],
    );
    assert.throws(() => registry.schema(1), { code: 'schema/unknown' });
  });

  it('refuses changes that the rule forbids, and names the field', async () => {
    await registry.register('s', stream(id));
    const more = stream(id, required('more', new Float64()));
    const refused = named('more', 'schema/incompatible');
    await assert.rejects(registry.register('s', more), refused);
    await assert.rejects(registry.test('s', more), refused);
    await registry.setRule('s', 'forward');
    await registry.test('s', more);
    await registry.register('s', more);
    await assert.rejects(registry.register('s', stream(id)), refused);
  });

  it('refuses batches that do not fit, and names the field', async () => {
    const known = await registry.register('s', stream(id, nullable('note', new Utf8())));
    const table = (columns: Record<string, Vector<Int32 | Utf8 | Float64>>) =>
      tableToIPC(new Table(columns), 'stream');
    const ids = vectorFromArray([1, 2, 3], new Int32());
    const notes = vectorFromArray(['a', null, 'c'], new Utf8());
    assert.equal(await registry.check(known, table({ id: ids, note: notes })), 3);
    const holes = vectorFromArray([1, null, 3], new Int32());
    const numbers = vectorFromArray([1, 2, 3], new Float64());
    const bad: [Uint8Array, string][] = [
      [table({ id: holes, note: notes }), 'id'],
      [table({ id: ids, note: numbers }), 'note'],
      [table({ id: ids }), 'note'],
      [table({ id: ids, note: notes, more: ids }), 'more'],
    ];
    for (const [batch, field] of bad) {
      await assert.rejects(registry.check(known, batch), named(field, 'schema/misfit'));
    }
    await assert.rejects(registry.check(99, stream(id)), { code: 'schema/unknown' });
    await assert.rejects(registry.check(known, Buffer.from('no stream')), {
      code: 'schema/malformed',
    });
  });

  it('takes no name that would become another one', async () => {
    const malformed = { code: 'schema/malformed' };
    await assert.rejects(registry.register('s\ud800', stream(id)), malformed);
    await assert.rejects(registry.test('s\ud800', stream(id)), malformed);
    await assert.rejects(registry.setRule('s\ud800', 'full'), malformed);
    await registry.register('s\ufffd', stream(id));
    assert.equal(registry.subject('s\ud800'), undefined);
  });

  it('refuses a damaged file, and ends when it is closed', async () => {
    await registry.register('s', stream(id));
    registry.close();
    registry.close();
    await assert.rejects(registry.register('s', stream(id)), { code: 'schema/closed' });
    assert.throws(() => registry.subjects(), { code: 'schema/closed' });
    const bytes = readFileSync(file());
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    writeFileSync(file(), bytes);
    await assert.rejects(openSchemas(file()), { code: 'storage/corrupt' });
    await assert.rejects(registry.setRule('s', 'sometimes' as 'full'), { code: 'schema/closed' });
  });

  it('answers everything with the damage when it was opened despite it (J7)', async () => {
    registry.close();
    writeFileSync(file(), 'no registry');
    const corrupt = { code: 'storage/corrupt' };
    registry = await openSchemas(file(), { despiteDamage: true });
    assert.match(registry.damage() ?? '', /restore its file/);
    assert.equal(registry.stats().schemas, 0);
    await assert.rejects(registry.register('s', stream(id)), corrupt);
    await assert.rejects(registry.setRule('s', 'none'), corrupt);
    await assert.rejects(registry.check(256, stream(id)), corrupt);
    for (const ask of [
      () => registry.schema(256),
      () => registry.subject('s'),
      () => registry.subjects(),
    ]) {
      assert.throws(ask, corrupt);
    }
  });
});
