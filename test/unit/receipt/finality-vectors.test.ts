import { strict as assert } from 'node:assert';
import { fromHex, toHex, toUtf8 } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { codeOf, unwrap, vectors } from './support.ts';

interface FinalityVectors {
  labels: { label: string; hash: string; leaf: string; node: string; empty: string }[];
  voters: { name: string; key: string; power: string }[];
  validatorsHash: string;
  headers: {
    height: string;
    time: string;
    bytes: string;
    id: string;
    nextValidators: string | null;
  }[];
  badHeaders: { why: string; bytes: string; code: string }[];
  anchorLeaves: {
    origin: string;
    size: string;
    roots: { alg: r.TreeAlgorithm; root: string }[];
    keyIds: string[];
    bytes: string;
  }[];
  certificates: {
    why: string;
    network: string;
    height: string;
    id: string;
    validators: { key: string; power: string }[];
    bytes: string;
    code: string;
  }[];
  trust: Record<string, string>;
  receipts: {
    why: string;
    trust: string;
    digest: string;
    json: string;
    cbor: string;
    code: string;
    basis?: string;
    height?: string;
    certifiedHeight?: string;
    noLaterThan?: string;
    signers?: string[];
  }[];
  transactions: { why: string; bytes: string; code: string }[];
}

const file: FinalityVectors = JSON.parse(vectors('finality.json'));
const stores = Object.fromEntries(
  Object.entries(file.trust).map(([name, text]) => [name, unwrap(r.parseTrustStore(text))]),
);
const bytesOf = (hex: string) => fromHex(hex) ?? assert.fail(hex);

/** The verdict's code as the vectors write it. */
function verdictOf(verdict: { readonly ok: true } | r.Refusal): string {
  return verdict.ok ? 'ok' : codeOf(verdict);
}

describe('vectors of finality', () => {
  it('hash every label under keys of its own (X10)', () => {
    for (const { label, hash, leaf, node, empty } of file.labels) {
      const tree = r.labelledTree(label);
      assert.equal(toHex(r.labelHash(label, toUtf8('abc'))), hash);
      assert.equal(toHex(tree.leaf(toUtf8('abc'))), leaf);
      assert.equal(toHex(tree.hash.node(new Uint8Array(32), new Uint8Array(32).fill(1))), node);
      assert.equal(toHex(tree.root([])), empty);
    }
    const all = file.labels.flatMap(({ hash, leaf, node, empty }) => [hash, leaf, node, empty]);
    assert.equal(new Set(all).size, all.length, 'no two of them are alike');
  });

  it('read headers in one encoding and give their ids (X10, X11)', () => {
    const validators = file.voters.map(({ key, power }) => ({
      key: bytesOf(key),
      power: BigInt(power),
    }));
    assert.equal(toHex(r.validatorsHash(validators)), file.validatorsHash);
    for (const { height, time, nextValidators, bytes, id } of file.headers) {
      const header = unwrap(r.decodeHeader(bytesOf(bytes)));
      assert.equal(String(header.height), height);
      assert.equal(String(header.time), time);
      assert.equal(
        header.nextValidators && toHex(header.nextValidators),
        nextValidators ?? undefined,
      );
      assert.equal(toHex(r.encodeHeader(header)), bytes);
      assert.equal(toHex(r.blockId(bytesOf(bytes))), id);
    }
    for (const { why, bytes, code } of file.badHeaders) {
      assert.equal(verdictOf(r.decodeHeader(bytesOf(bytes))), code, why);
    }
  });

  it('encode the leaves of anchors (X10)', () => {
    for (const { origin, size, roots, keyIds, bytes } of file.anchorLeaves) {
      const leaf = {
        origin,
        size: Number(size),
        roots: roots.map(({ alg, root }) => ({ alg, root: bytesOf(root) })),
        keyIds: keyIds.map(bytesOf),
      };
      assert.equal(toHex(r.encodeAnchorLeaf(leaf)), bytes);
    }
  });

  it('accept and refuse certificates for the stated reason (P6, P2, F2)', () => {
    for (const { why, network, height, id, validators, bytes, code } of file.certificates) {
      const set = validators.map(({ key, power }) => ({ key: bytesOf(key), power: BigInt(power) }));
      const certified = { network, validators: set, height: Number(height), id: bytesOf(id) };
      const verdict = r.verifyCertificate(certified, bytesOf(bytes));
      assert.equal(verdictOf(verdict), code, why);
      if (!verdict.ok) continue;
      const { round, signatures } = unwrap(r.decodeCertificate(bytesOf(bytes), set.length));
      assert.equal(toHex(r.encodeCertificate({ round, signatures }, set.length)), bytes);
      assert.ok(r.isQuorum(verdict.value.power, verdict.value.total));
    }
    assert.ok(file.certificates.length > 30);
  });

  it('verify receipts in both forms, or refuse them for the stated reason (F4–F8, V5)', () => {
    for (const row of file.receipts) {
      const receipt = unwrap(r.decodeReceiptJson(toUtf8(row.json)));
      assert.deepEqual(unwrap(r.decodeReceiptCbor(bytesOf(row.cbor))), receipt, row.why);
      const trust = stores[row.trust] ?? assert.fail(row.trust);
      const verdict = r.verifyReceipt(receipt, bytesOf(row.digest), trust);
      assert.equal(verdictOf(verdict), row.code, row.why);
      if (!verdict.ok) continue;
      const { final } = verdict;
      assert.ok(verdict.level === 'final' && final !== undefined);
      assert.equal(verdict.basis, row.basis);
      assert.equal(String(final.height), row.height);
      assert.equal(String(final.certifiedHeight), row.certifiedHeight);
      assert.equal(String(final.noLaterThan), row.noLaterThan);
      assert.deepEqual(
        final.signers.map(({ name }) => name),
        row.signers,
      );
    }
    assert.ok(file.receipts.length > 30);
  });

  it('verify proofs of transactions, or refuse them for the stated reason (F7)', () => {
    const root = stores['chain']?.chains?.[0] ?? assert.fail('a pinned chain');
    for (const { why, bytes, code } of file.transactions) {
      const verdict = r.verifyTransactionProof(bytesOf(bytes), root);
      assert.equal(verdictOf(verdict), code, why);
      if (verdict.ok) assert.match(Buffer.from(verdict.transaction).toString(), /^transaction \d$/);
    }
  });

  it('write trust stores with chains as version 2, others as version 1 (T5)', () => {
    for (const [name, text] of Object.entries(file.trust)) {
      const store = unwrap(r.parseTrustStore(text));
      assert.equal(r.formatTrustStore(store), text);
      assert.equal(JSON.parse(text).version, name === 'policies' ? 1 : 2);
    }
  });
});
