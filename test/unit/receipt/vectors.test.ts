import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromHex, toHex, toUtf8 } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { vectorFiles } from '../../vectors/generate.ts';
import { codeOf, unwrap, vectors } from './support.ts';

const folder = fileURLToPath(new URL('../../vectors', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;
const python = (script: string) => spawnSync('python3', [script, '--check'], { encoding: 'utf8' });

interface CheckpointVectors {
  keys: { text: string }[];
  badKeys: { why: string; text: string }[];
  notes: { note: string; signers: number[]; timeSeconds: number }[];
  sha256: { body: string; note: string };
  bad: { why: string; note: string; code: string }[];
}

interface ReceiptVectors {
  trust: string;
  good: { digest: string; json: string; cbor: string; coversLiars: boolean }[];
  bad: { why: string; digest: string; json: string; code: string }[];
}

describe('vectors', function () {
  this.timeout(60_000); // three implementations, one of them slow on purpose

  let files: Readonly<Record<string, string>>;
  before(() => {
    files = vectorFiles();
  });

  it('are what the TypeScript generator makes', () => {
    for (const [name, text] of Object.entries(files)) assert.equal(vectors(name), text);
  });

  it('are what an independent implementation in Python makes', function () {
    if (!hasPython) this.skip(); // needs python3
    const { status, stdout, stderr } = python(join(folder, 'generate.py'));
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^${Object.keys(files).length} files`));
  });

  it('are compared byte for byte by the Python check', function () {
    if (!hasPython) this.skip(); // needs python3
    const copy = mkdtempSync(join(tmpdir(), 'pyralog-vectors-'));
    try {
      cpSync(folder, copy, { recursive: true });
      const path = join(copy, 'merkle.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"index": 3', '"index": 4'));
      const { status, stderr } = python(join(copy, 'generate.py'));
      assert.equal(status, 1);
      assert.match(stderr, /merkle\.json/);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it('of checkpoints: good notes verify, bad ones are refused for the stated reason (C1–C5, C8)', () => {
    const file: CheckpointVectors = JSON.parse(vectors('checkpoint.json'));
    const keys = file.keys.map(({ text }) => {
      const key = unwrap(r.parseVerificationKey(text));
      assert.equal(r.formatVerificationKey(key), text);
      return key;
    });
    for (const { note, signers, timeSeconds } of file.notes) {
      const signed = unwrap(r.parseCheckpoint(note)).note;
      assert.equal(r.formatNote(signed), note);
      const found = unwrap(r.verifyNote(signed, keys));
      assert.deepEqual(
        found,
        signers.map((i) => ({ name: keys[i]?.name, keyId: keys[i]?.keyId, timeSeconds })),
      );
    }
    const sha256 = unwrap(r.parseNote(file.sha256.note));
    assert.equal(unwrap(r.parseSha256Body(sha256.body)).size, 7);
    assert.equal(unwrap(r.verifyNote(sha256, keys)).length, 1);
    for (const { why, text } of file.badKeys) {
      assert.equal(codeOf(r.parseVerificationKey(text)), 'receipt/bad-key', why);
    }
    for (const { why, note, code } of file.bad) {
      const parsed = r.parseCheckpoint(note);
      assert.equal(codeOf(parsed.ok ? r.verifyNote(parsed.value.note, keys) : parsed), code, why);
    }
  });

  it('of receipts: good files verify in both forms (V1, V2, V6)', () => {
    const file: ReceiptVectors = JSON.parse(vectors('receipt.json'));
    const trust = unwrap(r.parseTrustStore(file.trust));
    assert.equal(r.formatTrustStore(trust), file.trust);
    for (const [i, { digest, json, cbor, coversLiars }] of file.good.entries()) {
      const receipt = unwrap(r.decodeReceiptJson(toUtf8(json)));
      assert.deepEqual(unwrap(r.decodeReceiptCbor(fromHex(cbor) ?? new Uint8Array())), receipt);
      assert.equal(toHex(r.encodeReceiptCbor(receipt)), cbor);
      const verdict = r.verifyReceipt(receipt, fromHex(digest) ?? new Uint8Array(), trust);
      assert.ok(verdict.ok && verdict.basis === 'policy', `receipt ${i}: ${codeOf(verdict)}`);
      assert.equal(verdict.coversLiars, coversLiars);
      assert.equal(verdict.claimedTime, 1790000001000);
      assert.equal(verdict.level, 'checkpoint');
    }
  });

  it('of receipts: bad files are refused for the stated reason (V3–V5, V7)', () => {
    const file: ReceiptVectors = JSON.parse(vectors('receipt.json'));
    const trust = unwrap(r.parseTrustStore(file.trust));
    for (const { why, digest, json, code } of file.bad) {
      const parsed = r.decodeReceiptJson(toUtf8(json));
      const data = fromHex(digest) ?? new Uint8Array();
      const verdict = parsed.ok ? r.verifyReceipt(parsed.value, data, trust) : parsed;
      assert.equal(codeOf(verdict), code, why);
    }
    assert.ok(file.bad.length > 25);
  });
});
