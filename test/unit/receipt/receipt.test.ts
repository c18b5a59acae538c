import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import {
  codeOf,
  editsOf,
  NETWORK,
  ORIGIN,
  policy,
  receiptOf,
  record,
  replica,
  SCOPE,
  TRUST,
  unwrap,
} from './support.ts';

const good = receiptOf();
const digest = good.record.digest;
const codeOfJson = (bytes: Uint8Array, trust = TRUST) => {
  const parsed = r.decodeReceiptJson(bytes);
  return codeOf(parsed.ok ? r.verifyReceipt(parsed.value, digest, trust) : parsed);
};
const codeOfCbor = (bytes: Uint8Array) => {
  const parsed = r.decodeReceiptCbor(bytes);
  return codeOf(parsed.ok ? r.verifyReceipt(parsed.value, digest, TRUST) : parsed);
};
const verdictOf = (receipt: r.Receipt, trust = TRUST) =>
  codeOf(r.verifyReceipt(receipt, digest, trust));
const trusting = (...policies: r.TrustPolicy[]): r.TrustStore => ({ policies });

describe('receipt', function () {
  this.timeout(120_000); // thousands of Ed25519 checks in TypeScript

  it('verifies and says what it proved (V6)', () => {
    const verdict = r.verifyReceipt(good, digest, TRUST);
    const { name, keyId } = replica(0).key;
    assert.deepEqual(verdict, {
      ok: true,
      level: 'checkpoint',
      basis: 'policy',
      origin: ORIGIN,
      offset: 2,
      scarabId: 3n << 23n,
      size: 5,
      claimedTime: 1790000001000,
      signers: [{ name, keyId, timeSeconds: 1790000001 }],
      threshold: 1,
      keys: 1,
      coversLiars: false,
      scope: SCOPE,
    });
  });

  it('round-trips through CBOR and JSON (V1, V2)', () => {
    const hash = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .filter((b) => b.some((x) => x > 0));
    const arbitrary = fc
      .tuple(
        fc.constantFrom(...r.DIGEST_ALGORITHMS),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.option(hash, { nil: undefined }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.nat(Number.MAX_SAFE_INTEGER),
        fc.boolean(),
      )
      .map(([algorithm, bytes, keyHash, scarabId, offset, isSigned]): r.Receipt => {
        const { inclusion, checkpoint } = good;
        const fields = {
          algorithm,
          digest: bytes.slice(0, r.digestBytes(algorithm)),
          scarabId,
          offset,
        };
        return {
          origin: ORIGIN,
          record: { ...record(0), ...fields, ...(keyHash && { keyHash, headersHash: keyHash }) },
          ...(isSigned && { inclusion, checkpoint }),
          ...(offset % 2 === 1 && {
            finality: [{ kind: 'pow', scheme: offset % 256, proof: bytes }],
          }),
        };
      });
    fc.assert(
      fc.property(arbitrary, (receipt) => {
        const json = r.encodeReceiptJson(receipt);
        assert.deepEqual(unwrap(r.decodeReceiptJson(json)), receipt);
        assert.deepEqual(unwrap(r.receiptFromJson(r.receiptToJson(receipt))), receipt);
        const cbor = r.encodeReceiptCbor(receipt);
        assert.deepEqual(unwrap(r.decodeReceiptCbor(cbor)), receipt);
        assert.deepEqual(unwrap(r.decodeReceiptCbor(Buffer.from(cbor))), receipt, 'from a Buffer');
      }),
    );
  });

  it('refuses every change of one byte of the JSON file, white space too (V3)', () => {
    const json = r.encodeReceiptJson(good);
    assert.equal(codeOfJson(json), 'verified');
    const seen = new Map<string, number>();
    for (const edited of editsOf(json)) {
      const code = codeOfJson(edited);
      assert.notEqual(code, 'verified', fromUtf8(edited) ?? 'not UTF-8');
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }
    for (const code of [
      'malformed',
      'not-canonical',
      'wrong-data',
      'bad-path',
      'bad-signature',
      'threshold',
    ]) {
      assert.ok(seen.has(`receipt/${code}`), code);
    }
  });

  it('refuses every change of one byte of the CBOR form (V3)', () => {
    const cbor = r.encodeReceiptCbor(good);
    assert.equal(codeOfCbor(cbor), 'verified');
    for (const edited of editsOf(cbor)) assert.notEqual(codeOfCbor(edited), 'verified');
  });

  it('never throws on bytes of any kind', () => {
    const json = r.encodeReceiptJson(good);
    const cbor = r.encodeReceiptCbor(good);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, at) => {
        codeOfJson(bytes);
        codeOfCbor(bytes);
        const splice = (all: Uint8Array) =>
          Uint8Array.from([
            ...all.slice(0, at % all.length),
            ...bytes.slice(0, 9),
            ...all.slice((at % all.length) + 5),
          ]);
        codeOfJson(splice(json));
        codeOfCbor(splice(cbor));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        codeOf(r.receiptFromJson(value));
        codeOf(r.receiptFromJson({ ...r.receiptToJson(good), record: value }));
        codeOf(r.receiptFromJson({ ...r.receiptToJson(good), inclusion: value }));
        codeOf(r.receiptFromJson({ ...r.receiptToJson(good), checkpoint: value }));
        codeOf(r.receiptFromJson({ ...r.receiptToJson(good), finality: value }));
      }),
    );
    const deep = toUtf8('['.repeat(60_000));
    assert.equal(codeOfJson(deep), 'receipt/malformed');
    assert.equal(codeOfCbor(new Uint8Array(60_000).fill(0x81)), 'receipt/malformed');
    assert.equal(codeOfJson(new Uint8Array(65_537)), 'receipt/malformed');
    assert.equal(codeOfCbor(new Uint8Array(65_537)), 'receipt/malformed');
  });

  it('refuses newer versions as such and others as malformed (V4)', () => {
    const text = fromUtf8(r.encodeReceiptJson(good)) ?? '';
    const version = (value: string) => toUtf8(text.replace('"version": 1', `"version": ${value}`));
    assert.equal(codeOfJson(version('2')), 'receipt/newer-version');
    assert.equal(codeOfJson(version('2,\n  "unheard": 1')), 'receipt/newer-version');
    for (const value of ['0', '-1', '"1"', '1.5', 'null']) {
      assert.equal(codeOfJson(version(value)), 'receipt/malformed', value);
    }
    const cbor = r.encodeReceiptCbor(good);
    assert.equal(codeOfCbor(cbor.map((byte, i) => (i === 2 ? 2 : byte))), 'receipt/newer-version');
    assert.equal(codeOfCbor(cbor.map((byte, i) => (i === 2 ? 0 : byte))), 'receipt/malformed');
  });

  it('gives each failure its own code, in the order of V5', () => {
    const { inclusion, checkpoint, ...unsigned } = good;
    assert.equal(codeOf(r.verifyReceipt(good, new Uint8Array(32), TRUST)), 'receipt/wrong-data');
    assert.equal(
      codeOf(r.verifyReceipt(unsigned, new Uint8Array(32), TRUST)),
      'receipt/wrong-data',
    );
    assert.equal(verdictOf(unsigned), 'receipt/not-signed');
    assert.equal(verdictOf({ ...unsigned, inclusion }), 'receipt/malformed');
    assert.equal(verdictOf({ ...good, origin: `${SCOPE}/notary/1` }), 'receipt/wrong-origin');
    assert.equal(verdictOf({ ...good, inclusion: { ...inclusion, size: 6 } }), 'receipt/bad-path');
    assert.equal(verdictOf({ ...good, record: { ...good.record, offset: 5 } }), 'receipt/bad-path');
    assert.equal(verdictOf({ ...good, record: { ...good.record, offset: 3 } }), 'receipt/bad-path');
    assert.equal(
      verdictOf({ ...good, record: { ...good.record, schemaId: 0 } }),
      'receipt/malformed',
    );
    assert.equal(verdictOf(good, trusting()), 'receipt/unknown-log');
    assert.equal(verdictOf(good, trusting(policy(3, 2))), 'receipt/threshold');
    const forged = { key: replica(0).key, sign: replica(1).sign };
    assert.equal(verdictOf(receiptOf(2, 5, [forged])), 'receipt/bad-signature');
    assert.equal(verdictOf({ ...good, checkpoint: `${checkpoint}x` }), 'receipt/malformed');
  });

  it('does not believe another network, nor keys that come along', () => {
    const other = ORIGIN.replace(NETWORK, 'devnet-0000000000000000');
    assert.equal(verdictOf(receiptOf(2, 5, [replica(0)], other)), 'receipt/unknown-log');
    const stranger = replica(9, replica(0).key.name);
    assert.equal(verdictOf(receiptOf(2, 5, [stranger])), 'receipt/threshold');
    const twice = receiptOf(2, 5, [replica(0), replica(0)]);
    assert.equal(verdictOf(twice, trusting(policy(3, 2))), 'receipt/threshold');
  });

  it('says whether k covers replicas that lie (V6)', () => {
    const receipt = receiptOf(
      2,
      5,
      [0, 1, 2].map((i) => replica(i)),
    );
    for (const [trust, covers] of [
      [policy(4, 3, 1), true],
      [policy(4, 3, 0), false],
      [policy(3, 2), false],
    ] as const) {
      const verdict = r.verifyReceipt(receipt, digest, trusting(trust));
      assert.ok(verdict.ok && verdict.basis === 'policy');
      assert.equal(verdict.coversLiars, covers);
      assert.equal(verdict.keys, trust.keys.length);
    }
  });

  it('refuses finality of schemes and kinds it never heard of, whatever is pinned (V7)', () => {
    const finality = [{ kind: 'pos', scheme: 7, proof: Uint8Array.of(1) }] as const;
    const receipt = { ...good, finality };
    assert.equal(codeOfJson(r.encodeReceiptJson(receipt)), 'receipt/finality-unknown');
    assert.equal(codeOfCbor(r.encodeReceiptCbor(receipt)), 'receipt/finality-unknown');
    const poa = (fromUtf8(r.encodeReceiptJson(receipt)) ?? '').replace('"pos"', '"poa"');
    assert.equal(codeOfJson(toUtf8(poa)), 'receipt/finality-unknown');
    assert.throws(() => r.encodeReceiptCbor({ ...good, finality: [] }), {
      code: 'receipt/malformed',
    });
  });

  it('writes no receipt that no reader would accept', () => {
    const bad: Partial<r.Receipt>[] = [
      { origin: `${ORIGIN}/sha256` },
      { origin: 'elsewhere' },
      { record: { ...good.record, digest: digest.slice(1) } },
      { inclusion: { size: 5, path: [digest.slice(1)] } },
      { inclusion: { size: 5, path: Array<Uint8Array>(54).fill(digest) } },
      { checkpoint: 'none' },
    ];
    for (const change of bad) {
      const receipt = { ...good, ...change };
      assert.throws(() => r.encodeReceiptCbor(receipt), { code: 'receipt/malformed' });
      assert.throws(() => r.encodeReceiptJson(receipt), { code: 'receipt/malformed' });
    }
  });
});
