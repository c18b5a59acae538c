/**
 * Makes `datadir-v1.json`: a data directory as version 1 writes it, with what its records must say. Run it once per format
 * version, never again for an old one: `node test/vectors/make-datadir.ts`. Its keys are of no use to anybody.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createClient } from '../../client/index.ts';
import { encodeReceiptJson } from '../../receipt/index.ts';
import { Workspace } from '../support/node-process.ts';

const workspace = new Workspace();
try {
  await workspace.json(['init', '.', '--network', 'fixture']);
  const settings = { 'store.walFileMiB': '1', 'store.sha256Tree': 'true' };
  const node = await workspace.start(settings);
  await workspace.json(['trust', 'add', node.http, '--yes']);
  const client = createClient({ url: node.url, submitter: 'fixture' });
  const records = [];
  for (let i = 0; i < 40; i++) {
    const algorithm = i % 3 === 0 ? 'sha512' : 'sha256';
    const digest = new Uint8Array(createHash(algorithm).update(`record ${i}`).digest());
    const key = i % 2 === 0 ? { idempotencyKey: `key ${i}` } : {};
    const { id, offset } = await client.submit({ algorithm, digest, ...key });
    records.push({ content: `record ${i}`, algorithm, id: String(id), offset, ...key });
  }
  const receipt = await client.receipt(BigInt(records[7]?.id ?? 0), { waitFor: 'checkpoint' });
  await client.close();
  await node.stop();
  const fixture = {
    settings,
    records,
    receipt: new TextDecoder().decode(encodeReceiptJson(receipt)),
    trust: readFileSync(workspace.path('xdg', 'pyralog', 'trust.json'), 'utf8'),
    files: filesBelow(workspace.path('pyralog-data'), ''),
  };
  const target = fileURLToPath(new URL('datadir-v1.json', import.meta.url));
  writeFileSync(target, `${JSON.stringify(fixture, undefined, 1)}\n`);
} finally {
  await workspace.remove();
}

/** Every file with its mode; one of zeros (the sequencer's) only with its size. */
function filesBelow(root: string, folder: string): object[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesBelow(root, path);
    const bytes = readFileSync(join(root, path));
    const mode = statSync(join(root, path)).mode & 0o777;
    if (bytes.every((byte) => byte === 0)) return [{ path, mode, zeros: bytes.length }];
    return [{ path, mode, gzip: gzipSync(bytes, { level: 9 }).toString('base64') }];
  });
}
