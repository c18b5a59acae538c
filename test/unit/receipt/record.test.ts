import { strict as assert } from 'node:assert';
import { blake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import * as r from '../../../receipt/index.ts';
import { codeOf, record, unwrap } from './support.ts';

const SAFE = Number.MAX_SAFE_INTEGER;
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((b) => b.some((x) => x > 0));

const leafRecord: fc.Arbitrary<r.LeafRecord> = fc
  .record({
    timestamp: fc.nat(SAFE),
    scarabId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: fc.nat(SAFE),
    epoch: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    schemaId: fc.nat(2 ** 32 - 1),
    valueHash: hash,
    keyHash: fc.option(hash, { nil: undefined }),
    headersHash: fc.option(hash, { nil: undefined }),
  })
  .map(({ keyHash, headersHash, ...rest }) => ({
    ...rest,
    ...(keyHash && { keyHash }),
    ...(headersHash && { headersHash }),
  }));

describe('record', () => {
  it('round-trips through 128 bytes (L1)', () => {
    fc.assert(
      fc.property(leafRecord, (value) => {
        const bytes = r.encodeLeafRecord(value);
        assert.equal(bytes.length, r.LEAF_RECORD_BYTES);
        assert.deepEqual(unwrap(r.decodeLeafRecord(bytes)), value);
      }),
    );
  });

  it('decodes random bytes to a record or a refusal, never to an exception (L2)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 120, maxLength: 130 }), (bytes) => {
        const decoded = r.decodeLeafRecord(bytes);
        if (decoded.ok) assert.deepEqual(r.encodeLeafRecord(decoded.value), bytes);
      }),
    );
    const bytes = r.encodeLeafRecord(r.leafRecordOf(record(1)));
    const changed = (at: number, value: number) => bytes.map((b, i) => (i === at ? value : b));
    assert.equal(codeOf(r.decodeLeafRecord(changed(6, 0x20))), 'receipt/malformed', 'timestamp');
    assert.equal(codeOf(r.decodeLeafRecord(changed(22, 0x20))), 'receipt/malformed', 'offset');
    assert.equal(codeOf(r.decodeLeafRecord(changed(24, 0))), 'receipt/malformed', 'epoch');
    assert.equal(codeOf(r.decodeLeafRecord(bytes.slice(1))), 'receipt/malformed', 'length');
  });

  it('writes no record that could not be read (L2)', () => {
    const good = r.leafRecordOf(record(1));
    const zero = new Uint8Array(32);
    const bad: Partial<r.LeafRecord>[] = [
      { timestamp: -1 },
      { timestamp: 1.5 },
      { timestamp: SAFE + 1 },
      { scarabId: 2n ** 64n },
      { offset: SAFE + 1 },
      { epoch: 0 },
      { schemaId: 2 ** 32 },
      { keyHash: zero },
      { headersHash: zero.slice(1) },
      { valueHash: zero.slice(1) },
    ];
    for (const change of bad) {
      assert.throws(() => r.encodeLeafRecord({ ...good, ...change }), {
        code: 'receipt/malformed',
      });
    }
  });

  it('round-trips multihashes and refuses all else (L4)', () => {
    for (const algorithm of r.DIGEST_ALGORITHMS) {
      const digest = new Uint8Array(r.digestBytes(algorithm)).fill(3);
      const bytes = r.encodeMultihash({ algorithm, digest });
      assert.equal(bytes[0], r.multihashCode(algorithm));
      assert.deepEqual(unwrap(r.decodeMultihash(bytes)), { algorithm, digest });
      const short = { algorithm, digest: digest.slice(1) };
      assert.throws(() => r.encodeMultihash(short), { code: 'receipt/malformed' });
      for (const bad of [bytes.slice(1), bytes.slice(0, -1), Uint8Array.of(...bytes, 0)]) {
        assert.equal(codeOf(r.decodeMultihash(bad)), 'receipt/malformed');
      }
    }
  });

  it('round-trips headers and refuses all else (L3)', () => {
    const header = fc
      .tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.uint8Array({ maxLength: 40 }))
      .map(([name, value]) => ({ name, value }));
    fc.assert(
      fc.property(fc.array(header, { maxLength: 64 }), fc.nat(), (headers, seed) => {
        const bytes = r.encodeHeaders(headers);
        assert.deepEqual(unwrap(r.decodeHeaders(bytes)), headers);
        assert.deepEqual(r.hashHeaders(headers), bytes.length > 0 ? blake3(bytes) : undefined);
        assert.ok(!r.decodeHeaders(Uint8Array.of(...bytes, 0)).ok);
        if (bytes.length > 0)
          assert.ok(!r.decodeHeaders(bytes.slice(0, 1 + (seed % (bytes.length - 1)))).ok);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const headers = r.decodeHeaders(bytes);
        if (headers.ok) assert.deepEqual(r.encodeHeaders(headers.value), bytes);
      }),
    );
    const tooMany = Array.from({ length: 65 }, () => ({ name: 'a', value: new Uint8Array() }));
    const tooLong = [{ name: 'a', value: new Uint8Array(65_536) }];
    const lone = [{ name: '\ud800', value: new Uint8Array() }];
    for (const headers of [tooMany, tooLong, lone]) {
      assert.throws(() => r.encodeHeaders(headers), { code: 'receipt/malformed' });
    }
    assert.ok(!r.decodeHeaders(Uint8Array.of(0, 0)).ok, 'no headers have no bytes');
  });
});
