/** Every later version opens what version 1 wrote (docs/spec/datadir.md D2, wal.md): the fixture is never made anew. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createClient } from '../../client/index.ts';
import { Workspace } from '../support/node-process.ts';

interface Fixture {
  readonly settings: Record<string, string>;
  readonly records: readonly {
    readonly content: string;
    readonly algorithm: 'sha256' | 'sha512';
    readonly id: string;
    readonly offset: number;
    readonly idempotencyKey?: string;
  }[];
  readonly receipt: string;
  readonly trust: string;
  readonly files: readonly { path: string; mode: number; gzip?: string; zeros?: number }[];
}

const file = fileURLToPath(new URL('../vectors/datadir-v1.json', import.meta.url));
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture;

describe('data directory of version 1', function () {
  this.timeout(60_000);
  const workspace = new Workspace();
  after(() => workspace.remove());

  before(() => {
    for (const { path, mode, gzip, zeros } of fixture.files) {
      const target = workspace.path('pyralog-data', path);
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      writeFileSync(target, gzip === undefined ? '' : gunzipSync(Buffer.from(gzip, 'base64')), {
        mode,
      });
      if (zeros !== undefined) truncateSync(target, zeros);
    }
  });

  it('opens with every record where it was, and goes on behind the last', async () => {
    const node = await workspace.start(fixture.settings);
    assert.equal(node.ready.recovery.readOnly, false);
    assert.equal(node.ready.recovery.records, fixture.records.length);
    const client = createClient({ url: node.url, submitter: 'fixture' });
    try {
      for (const { content, algorithm, id, offset } of fixture.records) {
        const digest = digestOf(content, algorithm);
        const status = await client.status(BigInt(id));
        assert.deepEqual(
          [status.offset, status.algorithm, status.digest],
          [offset, algorithm, digest],
        );
        const found = await client.search({ algorithm, digest });
        assert.deepEqual(
          found.map((record) => String(record.id)),
          [id],
        );
      }
      const next = await client.submit({ algorithm: 'sha256', digest: digestOf('new', 'sha256') });
      assert.equal(next.offset, fixture.records.length);
      assert.ok(fixture.records.every(({ id }) => next.id > BigInt(id)));
    } finally {
      await client.close();
    }
    assert.equal((await node.stop()).code, 0);
  });

  it('has a receipt that still verifies', async () => {
    const record = fixture.records[7];
    assert.ok(record);
    writeFileSync(workspace.path('data'), record.content);
    writeFileSync(workspace.path('data.pyr.json'), fixture.receipt);
    writeFileSync(workspace.path('trust.json'), fixture.trust);
    const { code, stderr, stdout } = await workspace.cli([
      'verify',
      'data',
      '--trust',
      'trust.json',
    ]);
    assert.equal(code, 0, stdout + stderr);
  });
});

function digestOf(content: string, algorithm: string): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(content).digest());
}
