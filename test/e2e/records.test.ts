/** Schemas, large payloads and files through a real node, with what is not synced lost at every kill (O14, J8). */
import { strict as assert } from 'node:assert';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Client, createClient } from '../../client/index.ts';
import { type NodeProcess, Workspace } from '../support/node-process.ts';
import { misfits, noise, orders } from '../support/payload-parts.ts';

describe('records of a node', function () {
  this.timeout(120_000);
  const workspace = new Workspace();
  let node: NodeProcess;
  let client: Client;
  after(async () => {
    await client?.close();
    await workspace.remove();
  });

  const tokenFile = () => workspace.path('pyralog-data', 'admin.token');
  const adminUrl = () => `http://127.0.0.1:${node.ready.adminAddress.port}`;
  const adminFlags = () => ['--admin', adminUrl(), '--token-file', tokenFile()];
  const start = async () => {
    await client?.close();
    node = await workspace.start({
      'store.fileLayer': 'lose-unsynced',
      'store.filesDir': workspace.path('files'),
    });
    const token = readFileSync(tokenFile(), 'utf8').trim();
    client = createClient({ url: adminUrl(), token });
  };
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const append = async (...records: Parameters<typeof appendAll>[0]) => appendAll(records);
  const appendAll = async (
    records: {
      value?: string;
      file?: { path: string; format: 'other' };
      schema?: string | number;
      key?: string;
      idempotencyKey?: string;
    }[],
  ) => (await client.call('record_append', { records })).records;
  const read = async (offset: string | undefined) =>
    client.call('record_read', { offset: offset ?? '' });
  const bytesAt = async (offset: string | undefined) =>
    Buffer.from((await read(offset)).value, 'base64');
  const metric = async (name: string) => {
    const text = await (await fetch(`${node.http}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    assert.ok(line !== undefined, `there is ${name}`);
    return Number(line.slice(name.length));
  };

  before(async () => {
    const made = await workspace.cli(['init', '--network', 'test']);
    assert.equal(made.code, 0, made.stderr);
    mkdirSync(workspace.path('files'));
    writeFileSync(workspace.path('files', 'table'), noise(9, 5_000));
    writeFileSync(workspace.path('orders.arrow'), orders(4));
    writeFileSync(workspace.path('wrong.arrow'), misfits(4));
    await start();
  });

  it('registers schemas from the command line, and says which field does not fit', async () => {
    const schema = (...args: string[]) => workspace.cli(['schema', ...args, ...adminFlags()]);
    const registered = await schema('register', 'orders', 'orders.arrow');
    assert.deepEqual([registered.code, registered.stderr], [0, '']);
    assert.match(registered.stdout, /schema 256 is the newest of orders/);
    assert.equal((await schema('rule', 'orders', 'full')).code, 0);
    const rows = await schema('check', 'orders', 'orders.arrow');
    assert.match(rows.stdout, /4 rows fit schema 256/);
    const wrong = await schema('check', '256', 'wrong.arrow');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /"id"/);
    const narrow = await schema('register', 'orders', 'wrong.arrow');
    assert.equal(narrow.code, 1);
    assert.match((await schema('list')).stdout, /orders: full, schemas 256/);
    assert.match((await schema('show', 'orders')).stdout, /id: Int32, never null/);
    const strange = await schema('register', 'orders', 'pyralog.yaml');
    assert.equal(strange.code, 1);
    assert.match(strange.stderr, /pyralog\.yaml: is no Arrow IPC stream or file/);
    const text = await schema('check', 'orders', 'pyralog.yaml');
    assert.match(text.stderr, /pyralog\.yaml: is no Arrow IPC stream or file/);
    const low = await schema('show', '9');
    assert.deepEqual([low.code, /schema list/.test(low.stderr)], [2, true], low.stderr);
    assert.equal((await schema('rule', 'orders', 'sideways')).code, 2);
  });

  it('has every payload after each kill, stored once', async () => {
    const kept: { offset: string; payload: Buffer }[] = [];
    const keep = async (payload: Uint8Array, schema?: string) => {
      const of = schema === undefined ? {} : { schema };
      const [done] = await append({ value: base64(payload), ...of });
      assert.equal(done?.status, 'new');
      kept.push({ offset: done.offset, payload: Buffer.from(payload) });
    };
    for (let round = 0; round < 3; round++) {
      await keep(noise(10 + round, 100));
      await keep(noise(20 + round, 1_500_000));
      await keep(orders(5 + round), 'orders');
      await keep(orders(5_000 + round, 30), 'orders');
      await node.kill9();
      await start();
      for (const { offset, payload } of kept) assert.ok(payload.equals(await bytesAt(offset)));
    }
    const [again] = await append({ value: base64(noise(20, 1_500_000)) });
    assert.equal(again?.status, 'duplicate');
    assert.ok((await metric('pyralog_objects_deduplicated_chunks_total')) > 0);
    assert.equal(await metric('pyralog_objects_written_bytes'), 0);
    assert.equal(await metric('pyralog_notary_duplicates_total{by="content"}'), 1);
    assert.equal(await metric('pyralog_notary_duplicates_total{by="key"}'), 0);
    const large = await read(kept[3]?.offset);
    assert.deepEqual([large.kind, large.schema], ['object', 256]);
    const part = await client.call('record_read', {
      offset: kept[1]?.offset ?? '',
      from: '1000000',
      length: 10,
    });
    assert.equal(part.value, base64(noise(20, 1_500_000).subarray(1_000_000, 1_000_010)));
    assert.deepEqual((await client.call('record_collect', {})).objects, 0);
  });

  it('refuses what does not fit, and leaves the log as it was', async () => {
    const refused = async (code: string, ...records: Parameters<typeof append>) =>
      assert.rejects(append(...records), { code });
    const before = await metric('pyralog_storage_log_size_total');
    await refused('schema/misfit', { value: base64(misfits(2)), schema: 'orders' });
    await refused('schema/unknown', { value: base64(orders(2)), schema: 4_711 });
    await refused('object/path', { file: { path: '../orders.arrow', format: 'other' } });
    await refused('rpc/invalid-params', {});
    await assert.rejects(read('4711'), { code: 'log/out-of-range' });
    assert.equal(await metric('pyralog_storage_log_size_total'), before);
    assert.ok((await metric('pyralog_schemas_misfits_total')) >= 1);
  });

  it('reads by key, as of a time, and by time, also from the command line (Z11)', async () => {
    const key = base64(Buffer.from('order 7'));
    const value = (text: string) => base64(Buffer.from(text));
    const [one] = await appendAll([{ key, value: value('one'), idempotencyKey: '1' }]);
    await append({ value: value('between'), idempotencyKey: 'b' });
    const [two] = await appendAll([{ key, value: value('two'), idempotencyKey: '2' }]);
    const ask = async (params: { key?: string; at?: string; offset?: string }) =>
      (await client.call('record_read', params)).offset;
    const at = one?.timestamp ?? '';
    const before = (Number(at) - 1).toString();
    assert.equal(await ask({ key }), two?.offset);
    assert.equal(await ask({ key, at: two?.timestamp ?? '' }), two?.offset);
    await assert.rejects(ask({ key, at: before }), { code: 'notary/not-found' });
    await assert.rejects(ask({ key: value('order 8') }), { code: 'notary/not-found' });
    await assert.rejects(ask({ at: '9007199254740991' }), { code: 'notary/not-found' });
    assert.ok(Number(await ask({ at })) <= Number(one?.offset));
    for (const params of [
      {},
      { key, offset: '0' },
      { at, offset: '0' },
      { at: '1e3' },
      { key: 'é' },
    ]) {
      await assert.rejects(ask(params), { code: 'rpc/invalid-params' }, JSON.stringify(params));
    }
    await node.kill9();
    await start();
    assert.equal(await ask({ key }), two?.offset);
    const get = (...args: string[]) => workspace.cli(['record', 'get', ...args, ...adminFlags()]);
    const shown = await get('--key', 'order 7', '--json');
    assert.equal(JSON.parse(shown.stdout).offset, two?.offset);
    const iso = new Date(Number(two?.timestamp)).toISOString();
    const hex = Buffer.from('order 7').toString('hex');
    const text = await get('--key-hex', hex, '--at', iso);
    assert.match(text.stdout, /key order 7\nvalue of 3 bytes, schema 0\ntwo\n$/);
    assert.equal((await get(one?.offset ?? '', '-o', 'payload')).code, 0);
    assert.equal(readFileSync(workspace.path('payload'), 'utf8'), 'one');
    assert.equal((await get('--at', iso)).code, 0);
    assert.equal((await get('--key', 'order 8')).code, 1);
    for (const args of [
      [],
      ['7', '--at', iso],
      ['--key', 'a', '--key-hex', '61'],
      ['--key-hex', '6'],
      ['-1'],
      ['--at', 'noon'],
    ]) {
      assert.equal((await get(...args)).code, 2, args.join(' '));
    }
  });

  it('refers to files, and notices when they change', async () => {
    const [done] = await append({ file: { path: 'table', format: 'other' } });
    const row = await read(done?.offset);
    assert.deepEqual([row.kind, row.file?.path, row.length], ['file', 'table', '5000']);
    assert.ok(noise(9, 5_000).equals(Buffer.from(row.value, 'base64')));
    writeFileSync(workspace.path('files', 'table'), noise(8, 5_000));
    await assert.rejects(read(done?.offset), { code: 'object/changed' });
  });

  it('names damage in an object, and reads everything else', async () => {
    const [one] = await append({ value: base64(noise(30, 100_000)) });
    const [two] = await append({ value: base64(noise(31, 100_000)) });
    await node.kill9();
    const packs = workspace.path('pyralog-data', 'store', 'objects');
    const newest = readdirSync(packs)
      .filter((name) => name.endsWith('.pack'))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
      .at(-1);
    const pack = workspace.path('pyralog-data', 'store', 'objects', newest ?? '');
    const bytes = readFileSync(pack);
    bytes.writeUInt8(bytes.readUInt8(50_000) ^ 1, 50_000);
    writeFileSync(pack, bytes);
    await start();
    await assert.rejects(read(two?.offset), { code: 'object/corrupt' });
    assert.ok(noise(30, 100_000).equals(await bytesAt(one?.offset)));
    assert.ok((await metric('pyralog_objects_damage_total')) > 0);
    // What rotted is stored anew when it comes again (O6), and the record that refers to it reads.
    const [again] = await append({ value: base64(noise(31, 100_000)) });
    assert.deepEqual([again?.status, again?.offset], ['duplicate', two?.offset]);
    assert.ok(noise(31, 100_000).equals(await bytesAt(two?.offset)));
    assert.equal((await node.stop()).code, 0);
  });

  it('refuses what needs a schema while their file is damaged, and nothing else (J7)', async () => {
    const file = workspace.path('pyralog-data', 'store', 'schemas');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, 40));
    await start();
    const corrupt = { code: 'storage/corrupt' };
    await assert.rejects(client.call('schema_list', {}), corrupt);
    await assert.rejects(append({ value: base64(orders(1)), schema: 'orders' }), corrupt);
    const [done] = await append({ value: base64(noise(40, 100)) });
    assert.ok(noise(40, 100).equals(await bytesAt(done?.offset)));
    const { code, stderr } = await node.stop();
    assert.deepEqual([code, /schemas are refused/.test(stderr)], [0, true], stderr);
    assert.deepEqual(readFileSync(file), bytes.subarray(0, 40), 'it is not overwritten');
    writeFileSync(file, bytes);
    await start();
    assert.ok((await client.call('schema_list', {})).subjects.length > 0);
    assert.equal((await node.stop()).code, 0);
  });
});
