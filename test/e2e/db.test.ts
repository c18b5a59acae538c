/** `pyralog db` on the data of a real node: its exit codes, what it says, and that receipts verify after a repair. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Workspace } from '../support/node-process.ts';

describe('pyralog db', function () {
  this.timeout(90_000);
  const workspace = new Workspace();
  const store = (...path: string[]) => workspace.path('pyralog-data', 'store', ...path);
  after(() => workspace.remove());

  before(async () => {
    await workspace.json(['init', '.', '--network', 'e2e']);
    const node = await workspace.start();
    await workspace.json(['trust', 'add', node.http, '--yes']);
    for (const name of ['a', 'b', 'c']) writeFileSync(workspace.path(name), `file ${name}`);
    const stamped = await workspace.cli(['stamp', 'a', 'b', 'c', '--node', node.http]);
    assert.equal(stamped.code, 0, stamped.stderr);

    const busy = await workspace.cli(['db', 'check']);
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /locked.*stop it first/);
    assert.equal((await node.stop()).code, 0);
  });

  it('finds nothing wrong after a clean stop', async () => {
    const { code, stdout, stderr } = await workspace.cli(['db', 'check']);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /3 records, signed up to 3/);
    assert.match(stdout, /sound/);
    const stats = await workspace.json<{ partitions: { records: number }[] }>(['db', 'stats']);
    assert.equal(stats.partitions[0]?.records, 3);
    const nothing = await workspace.cli(['db', 'repair']);
    assert.deepEqual([nothing.code, /nothing to repair/.test(nothing.stdout)], [0, true]);
  });

  it('exports records, and replaces nothing', async () => {
    const args = ['db', 'export', 'out', '--format', 'ndjson'];
    const { files, records } = await workspace.json<{ files: string[]; records: number }>(args);
    assert.equal(records, 3);
    const lines = readFileSync(workspace.path('out', files[0] ?? ''), 'utf8')
      .trim()
      .split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { offset: string }).offset),
      ['0', '1', '2'],
    );
    const again = await workspace.cli(args);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there already/);
    assert.equal((await workspace.cli(['db', 'export', 'x', '--from', 'y'])).code, 2);
    assert.equal((await workspace.cli(['db', 'stats', '--dir', 'nowhere'])).code, 2);
  });

  it('repairs what loses nothing; the node starts and receipts verify', async () => {
    const nodes = readdirSync(store('sidecars')).filter((name) => name.includes('blake3'));
    for (const name of nodes) writeFileSync(store('sidecars', name), 'garbage');
    rmSync(store('sequencer'));
    assert.equal((await workspace.cli(['db', 'check'])).code, 1);
    const dry = await workspace.cli(['db', 'repair', '--dry-run']);
    assert.deepEqual([dry.code, /would/.test(dry.stdout)], [0, true], dry.stdout);
    const done = await workspace.cli(['db', 'repair']);
    assert.equal(done.code, 0, done.stdout + done.stderr);
    const rebuilt = await workspace.cli(['db', 'rebuild-index', '--json']);
    assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
    const node = await workspace.start();
    assert.equal(node.ready.recovery.readOnly, false);
    const upgraded = await workspace.cli(['upgrade', 'a', 'b', 'c', '--node', node.http]);
    assert.equal(upgraded.code, 0, upgraded.stderr);
    assert.equal((await node.stop()).code, 0);
    assert.equal((await workspace.cli(['verify', 'a', 'b', 'c'])).code, 0);
  });

  const flipBit = () => {
    const [name = ''] = readdirSync(store('wal')).filter((file) => file.endsWith('.wal'));
    const content = readFileSync(store('wal', name));
    const at = content.indexOf(createHash('sha256').update('file b').digest());
    assert.ok(at > 0);
    content[at + 31] = (content[at + 31] ?? 0) ^ 1;
    writeFileSync(store('wal', name), content);
    return { name, content };
  };

  it('a node that finds damage behind its opening says so with the cause (Z9)', async () => {
    const { name, content } = flipBit();
    const node = await workspace.start();
    assert.equal(node.ready.recovery.readOnly, false, 'checked behind the opening only');
    const reasons = async () => (await fetch(`${node.http}/readyz`)).text();
    while (!/damaged.*pyralog db check/.test(await reasons())) await setImmediate();
    const { code, stderr } = await node.stop();
    assert.equal(code, 0, stderr);
    const said = stderr.split('\n').filter((line) => line.includes('"the store is damaged'));
    assert.equal(said.length, 1, stderr);
    assert.ok(said[0]?.includes('"readOnly":true') && said[0].includes(name), said[0]);
    assert.deepEqual(readFileSync(store('wal', name)), content);
  });

  it('never cuts what was signed, and says what to do', async () => {
    const [name = ''] = readdirSync(store('wal')).filter((file) => file.endsWith('.wal'));
    const content = readFileSync(store('wal', name));
    const dry = await workspace.cli(['db', 'repair', '--dry-run']);
    assert.equal(dry.code, 1, dry.stdout);
    assert.match(dry.stdout, /nothing can be repaired/);
    assert.match(dry.stdout, /damage +wal/);
    assert.match(dry.stdout, /not sound/);
    const { code, stdout } = await workspace.cli(['db', 'repair']);
    assert.equal(code, 1);
    assert.match(stdout, /damage +wal/);
    assert.match(stdout, /restore the store from a replica or a backup/);
    assert.deepEqual(readFileSync(store('wal', name)), content);
  });
});
