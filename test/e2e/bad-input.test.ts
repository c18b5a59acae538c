/** Bad input and bad luck, against a real node: each a clear error, nothing lost. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '../../client/index.ts';
import { submitUntil } from '../support/load.ts';
import { type NodeProcess, Workspace } from '../support/node-process.ts';

describe('bad input', function () {
  this.timeout(60_000);
  const workspace = new Workspace();
  let node: NodeProcess;
  after(() => workspace.remove());

  before(async () => {
    await workspace.json(['init', '.', '--network', 'e2e']);
    node = await workspace.start();
    await workspace.json(['trust', 'add', node.http, '--yes']);
  });

  const call = async (method: string, params: unknown) => {
    const response = await fetch(node.http, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()) as {
      error?: { code: number; message: string; data: { reason: string } };
    };
  };

  for (const [what, params] of [
    ['a short digest', { algorithm: 'sha256', digest: 'abcd' }],
    ['a digest that is not hex', { algorithm: 'sha256', digest: 'z'.repeat(64) }],
    ['upper-case hex', { algorithm: 'sha256', digest: 'AB'.repeat(32) }],
    ['a wrong algorithm', { algorithm: 'md5', digest: 'ab'.repeat(16) }],
    ['a digest of another algorithm', { algorithm: 'sha512', digest: 'ab'.repeat(32) }],
    ['an unknown field', { algorithm: 'sha256', digest: 'ab'.repeat(32), colour: 'red' }],
    [
      'a key that is too long',
      { algorithm: 'sha256', digest: 'ab'.repeat(32), idempotencyKey: 'k'.repeat(65) },
    ],
  ] as const)
    it(`refuses ${what} with a reason`, async () => {
      const { error } = await call('notary_submit', params);
      assert.equal(error?.code, -32602);
      assert.ok((error?.message.length ?? 0) > 10);
    });

  it('refuses a batch that is too long', async () => {
    const submissions = Array.from({ length: 1_001 }, () => ({
      algorithm: 'sha256',
      digest: 'ab'.repeat(32),
    }));
    const { error } = await call('notary_submitBatch', { submissions });
    assert.equal(error?.code, -32602);
  });

  it('says what an idempotency conflict collides with', async () => {
    const submit = (digest: string) =>
      call('notary_submit', {
        algorithm: 'sha256',
        digest,
        submitter: 'me',
        idempotencyKey: 'one',
      });
    assert.equal((await submit('ab'.repeat(32))).error, undefined);
    const { error } = await submit('cd'.repeat(32));
    assert.equal(error?.data.reason, 'notary/idempotency-conflict');
  });

  it('refuses a receipt of another network, of a newer version, and a missing trust root', async () => {
    writeFileSync(workspace.path('a.txt'), 'a');
    await workspace.json(['stamp', 'a.txt', '--node', node.http]);
    const receipt = readFileSync(workspace.path('a.txt.pyr.json'), 'utf8');

    cpSync(workspace.path('a.txt'), workspace.path('newer.txt'));
    writeFileSync(
      workspace.path('newer.txt.pyr.json'),
      receipt.replace('"version": 1', '"version": 2'),
    );
    const newer = await workspace.cli(['verify', 'newer.txt']);
    assert.equal(newer.code, 1);
    assert.match(newer.stdout + newer.stderr, /newer version/);

    const stranger = new Workspace();
    try {
      await stranger.json(['init', '.', '--network', 'other']);
      const other = await stranger.start();
      await stranger.json(['trust', 'add', other.http, '--yes']);
      await other.stop();
      cpSync(workspace.path('a.txt'), stranger.path('a.txt'));
      cpSync(workspace.path('a.txt.pyr.json'), stranger.path('a.txt.pyr.json'));
      const foreign = await stranger.cli(['verify', 'a.txt']);
      assert.equal(foreign.code, 1);
      assert.match(foreign.stdout + foreign.stderr, /network|pinned|trust/i);
    } finally {
      await stranger.remove();
    }

    const untrusting = new Workspace();
    try {
      cpSync(workspace.path('a.txt'), untrusting.path('a.txt'));
      cpSync(workspace.path('a.txt.pyr.json'), untrusting.path('a.txt.pyr.json'));
      const without = await untrusting.cli(['verify', 'a.txt']);
      assert.notEqual(without.code, 0);
      assert.match(without.stdout + without.stderr, /trust add/);
    } finally {
      await untrusting.remove();
    }
  });

  it('keeps a second process out of its data', async () => {
    await assert.rejects(workspace.start(), /another|locked|process/i);
  });

  it('is still well', async () => {
    assert.equal((await node.stop()).code, 0);
  });
});

describe('damaged data', function () {
  this.timeout(60_000);
  let workspace: Workspace;
  let promised: { id: bigint; digest: Uint8Array; offset: number }[];

  beforeEach(async () => {
    workspace = new Workspace();
    await workspace.json(['init', '.', '--network', 'e2e']);
    const node = await workspace.start({ 'store.walFileMiB': '1' });
    let stopping: Promise<void> | undefined;
    const load = await submitUntil(node.url, 32, (answered) => {
      if (answered === 2_000) stopping = node.kill9();
    });
    await stopping;
    promised = load.promised;
  });

  afterEach(() => workspace.remove());

  const walFiles = () => {
    const dir = findDir(workspace.path('pyralog-data'), 'wal');
    return readdirSync(dir)
      .filter((name) => name.endsWith('.wal'))
      .sort()
      .map((name) => join(dir, name));
  };

  it('opens read-only on a flipped bit in the middle, says where, and cuts nothing', async () => {
    const [file = ''] = walFiles();
    const before = statSync(file).size;
    const at = 100_000;
    const handle = openSync(file, 'r+');
    const byte = new Uint8Array(1);
    readSync(handle, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 1;
    writeSync(handle, byte, 0, 1, at);
    closeSync(handle);

    const node = await workspace.start({ 'store.walFileMiB': '1' });
    const { readOnly, damage } = node.ready.recovery;
    assert.equal(readOnly, true);
    assert.match(damage ?? '', /wal/);
    const client = createClient({ url: node.url, retry: { attemptsMax: 1 } });
    try {
      const first = promised.reduce((a, b) => (a.offset < b.offset ? a : b));
      assert.equal(
        (await client.status(first.id)).offset,
        first.offset,
        'what is intact stays readable',
      );
      await assert.rejects(
        client.submit({ algorithm: 'sha256', digest: new Uint8Array(randomBytes(32)) }),
        (error: { reason?: string }) => error.reason === 'storage/read-only',
      );
    } finally {
      await client.close();
    }
    await node.stop();
    assert.equal(statSync(file).size, before);
  });

  it('refuses to begin again where a log was, when its store is gone', async () => {
    const store = join(findDir(workspace.path('pyralog-data'), 'wal'), '..');
    const mark = join(store, 'wal', 'STORE');
    renameSync(mark, `${mark}.away`);
    await assert.rejects(workspace.start(), /is gone.*restore the store/s);
    renameSync(`${mark}.away`, mark);
    renameSync(store, `${store}.away`);
    await assert.rejects(workspace.start(), /is gone.*restore the store/s);
  });

  it('takes a truncated log for damage, not for a torn tail', async () => {
    const [file = ''] = walFiles();
    truncateSync(file, 50_000);
    const node = await workspace.start({ 'store.walFileMiB': '1' });
    assert.equal(node.ready.recovery.readOnly, true);
    await node.stop();
  });
});

describe('no room and no right to write', function () {
  this.timeout(90_000);
  const workspace = new Workspace();
  const mount = () => workspace.path('small');
  let mounted = false;
  after(async () => {
    if (mounted) execFileSync('umount', ['-l', mount()]);
    await workspace.remove();
  });

  it('refuses early when the disk is full, loses nothing, and recovers when space returns', async function () {
    mkdirSync(mount());
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', mount()], {
        stdio: 'ignore',
      });
    } catch {
      this.skip(); // needs root
    }
    mounted = true;
    await workspace.json(['init', '.', '--network', 'e2e']);
    const settings = { dataDir: join(mount(), 'data'), 'store.walFileMiB': '2' };
    cpSync(workspace.path('pyralog-data'), settings.dataDir, { recursive: true });
    const node = await workspace.start(settings);
    const filler = join(mount(), 'filler');
    const client = createClient({ url: node.url, retry: { attemptsMax: 1 } });
    try {
      const answered: Answered[] = [];
      writeFileSync(filler, new Uint8Array(1 << 20));
      assert.equal(await submitUntilRefused(client, answered), 'storage/disk-full');
      for (const { id, digest } of answered.filter((_, i) => i % 100 === 0))
        assert.deepEqual((await client.status(id)).digest, digest);

      execFileSync('mount', ['-o', 'remount,size=40m', mount()]);
      await submitOnceRoomIsBack(client);
      assert.equal((await node.stop()).code, 0);
      const second = await workspace.start(settings);
      assert.equal(second.ready.recovery.readOnly, false);
      assert.ok(second.ready.recovery.records > answered.length);
      await second.stop();
    } finally {
      await client.close();
    }
  });

  it('says so when the directory cannot be written', async function () {
    const target = workspace.path('read-only');
    mkdirSync(target);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,ro', 'tmpfs', target], {
        stdio: 'ignore',
      });
    } catch {
      this.skip(); // needs root
    }
    try {
      const made = await workspace.cli(['init', 'read-only/node', '--network', 'e2e']);
      assert.notEqual(made.code, 0);
      assert.match(made.stderr, /read-only|EROFS|cannot|permission/i);
    } finally {
      execFileSync('umount', [target]);
    }
  });
});

interface Answered {
  readonly id: bigint;
  readonly digest: Uint8Array;
}

/** Submits batch after batch, notes what was answered, and returns the reason of the first refusal. */
async function submitUntilRefused(
  client: Client,
  answered: Answered[],
): Promise<string | undefined> {
  for (let round = 0; round < 400; round++) {
    const digests = Array.from({ length: 500 }, () => new Uint8Array(randomBytes(64)));
    const submissions = digests.map((digest) => ({ algorithm: 'sha512', digest }) as const);
    try {
      for (const [i, outcome] of (await client.submitBatch(submissions)).entries())
        if (outcome.ok)
          answered.push({ id: outcome.submitted.id, digest: digests[i] ?? new Uint8Array() });
    } catch (error) {
      return (error as { reason?: string }).reason;
    }
  }
  return undefined;
}

async function submitOnceRoomIsBack(client: Client): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      await client.submit({ algorithm: 'sha256', digest: new Uint8Array(randomBytes(32)) });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

function findDir(from: string, name: string): string {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    if (entry.name === name) return join(from, name);
    const below = findDir(join(from, entry.name), name);
    if (below !== '') return below;
  }
  return '';
}
