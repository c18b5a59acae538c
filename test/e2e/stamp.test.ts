/** The main job on real input: stamp the files of this repository and a large one, stop the node, verify offline. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeReceiptJson, parseTrustStore, verifyReceipt } from '../../receipt/index.ts';
import { Workspace } from '../support/node-process.ts';
import { root, sourceFiles } from '../support/tidy.ts';

const BIG_MIB = 200;

describe('stamp and verify', function () {
  this.timeout(180_000);
  const workspace = new Workspace();
  const files = sourceFiles().map(({ path }) => path);
  after(() => workspace.remove());

  before(async () => {
    for (const path of files) {
      mkdirSync(dirname(workspace.path('copy', path)), { recursive: true });
      cpSync(join(root, path), workspace.path('copy', path));
    }
    mkdirSync(workspace.path('copy', '.git'));
    writeFileSync(workspace.path('copy', '.git', 'config'), 'never stamped');
    writeBig(workspace.path('big.bin'));
    await workspace.json(['init', '.', '--network', 'e2e']);
    const node = await workspace.start();
    await workspace.json(['trust', 'add', node.http, '--yes']);
    const stamped = await workspace.cli(['stamp', 'copy', 'big.bin', '--node', node.http]);
    assert.equal(stamped.code, 0, stamped.stderr + stamped.stdout);
    assert.equal((await node.stop()).code, 0);
  });

  it('verifies every file offline, with the node stopped', async () => {
    const { code, stdout, stderr } = await workspace.cli(['verify', 'copy', 'big.bin']);
    assert.equal(code, 0, stdout + stderr);
  });

  it('left receipts beside the files and nowhere else', () => {
    for (const path of files)
      assert.ok(statSync(workspace.path('copy', `${path}.pyr.json`)).size > 0);
    assert.throws(() => statSync(workspace.path('copy', '.git', 'config.pyr.json')));
  });

  it('names the record as the file system knows it', () => {
    const receipt = JSON.parse(readFileSync(workspace.path('big.bin.pyr.json'), 'utf8'));
    const digest = createHash('sha256')
      .update(readFileSync(workspace.path('big.bin')))
      .digest('hex');
    assert.equal(receipt.record.digest, digest);
  });

  it('refuses a changed file with its own message and exit code 1', async () => {
    const path = workspace.path('changed.txt');
    cpSync(workspace.path('copy', 'ARCHITECTURE.md'), path);
    cpSync(workspace.path('copy', 'ARCHITECTURE.md.pyr.json'), `${path}.pyr.json`);
    writeFileSync(path, `${readFileSync(path, 'utf8')} `);
    const { code, stdout, stderr } = await workspace.cli(['verify', 'changed.txt']);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /changed|digest/i);
  });

  it('does not stamp twice, and says so', async () => {
    const node = await workspace.start();
    const again = await workspace.cli(['stamp', 'big.bin', '--node', node.http]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr + again.stdout, /receipt already/);
    await node.stop();
  });

  it('leaves nothing out without a word', async () => {
    mkdirSync(workspace.path('odd'));
    writeFileSync(Buffer.from(`${workspace.path('odd')}/a\xff.txt`, 'latin1'), 'not UTF-8');
    writeFileSync(workspace.path('odd', 'plain.txt'), 'plain');
    const node = await workspace.start();
    const stamped = await workspace.cli(['stamp', 'odd', 'big.bin.pyr.json', '--node', node.http]);
    assert.equal(stamped.code, 5, stamped.stderr);
    assert.match(stamped.stderr, /not UTF-8/);
    const verified = await workspace.cli(['verify', 'odd']);
    assert.equal(verified.code, 1, verified.stdout);
    assert.match(verified.stderr, /not UTF-8/);
    assert.match(stamped.stderr, /big\.bin\.pyr\.json.*is a receipt/);
    await node.stop();
  });

  it('never upgrades a signed receipt to one that claims a later time', async () => {
    const before = readFileSync(workspace.path('big.bin.pyr.json'), 'utf8');
    const node = await workspace.start();
    writeFileSync(workspace.path('later.txt'), 'later');
    await workspace.json(['stamp', 'later.txt', '--node', node.http]);
    assert.equal((await workspace.cli(['upgrade', 'big.bin', '--node', node.http])).code, 0);
    assert.equal(readFileSync(workspace.path('big.bin.pyr.json'), 'utf8'), before);
    await node.stop();
  });

  it('takes two receipts for two files', async () => {
    const { code, stdout } = await workspace.cli([
      'verify',
      'big.bin.pyr.json',
      'later.txt.pyr.json',
    ]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /2 of 2 verified/);
  });

  it('says what to do when no node is there', async () => {
    writeFileSync(workspace.path('new.txt'), 'new');
    const { code, stderr, stdout } = await workspace.cli([
      'stamp',
      'new.txt',
      '--node',
      'http://127.0.0.1:9',
    ]);
    assert.equal(code, 4, stderr + stdout);
  });

  it('refuses every changed byte of a receipt and of a small file', async () => {
    const trust = parseTrustStore(
      readFileSync(workspace.path('xdg', 'pyralog', 'trust.json'), 'utf8'),
    );
    assert.ok(trust.ok);
    const name = '.npmrc';
    cpSync(join(root, name), workspace.path('small'));
    const node = await workspace.start();
    const stamped = await workspace.cli(['stamp', 'small', '--node', node.http]);
    assert.equal(stamped.code, 0, stamped.stderr);
    await node.stop();
    const file = new Uint8Array(readFileSync(workspace.path('small')));
    const receipt = new Uint8Array(readFileSync(workspace.path('small.pyr.json')));
    const check = (data: Uint8Array, bytes: Uint8Array) => {
      const parsed = decodeReceiptJson(bytes);
      if (!parsed.ok) return parsed;
      return verifyReceipt(
        parsed.value,
        new Uint8Array(createHash('sha256').update(data).digest()),
        trust.value,
      );
    };
    assert.ok(check(file, receipt).ok);
    for (const { changed, what } of everyChange(file))
      refused(check(changed, receipt), `file: ${what}`);
    for (const { changed, what } of everyChange(receipt))
      refused(check(file, changed), `receipt: ${what}`);
  });
});

function refused(verdict: { ok: boolean; code?: string; message?: string }, what: string): void {
  assert.ok(!verdict.ok, `${what} was accepted`);
  assert.ok(verdict.code && verdict.message, `${what} was refused without a reason`);
}

function* everyChange(bytes: Uint8Array): Iterable<{ changed: Uint8Array; what: string }> {
  for (const at of bytes.keys())
    for (const flip of [1, 0x20, 0x80]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      yield { changed, what: `byte ${at} ^ ${flip}` };
    }
}

/** 200 MiB that do not compress to nothing. */
function writeBig(path: string): void {
  const block = new Uint8Array(1 << 20);
  const file = openSync(path, 'w');
  for (let i = 0; i < BIG_MIB; i++) {
    new DataView(block.buffer).setUint32(0, i);
    for (let at = 4; at < block.length; at += 4096) block[at] = (at + i) & 255;
    writeSync(file, block);
  }
  closeSync(file);
}
