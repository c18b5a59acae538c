import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { concat, toUtf8 } from '../../../base/bytes.ts';
import * as native from '../../../native/index.ts';
import { TREE_KEYS, verifyEd25519 } from '../../../receipt/index.ts';

const { Point } = ed25519;
const L = Point.CURVE().n;
const little = (value: bigint) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const big = (bytes: Uint8Array) =>
  bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
const seed = new Uint8Array(32).fill(9);
const { scalar } = ed25519.utils.getExtendedPublicKey(seed);
const message = (i: number) => toUtf8(`message ${i}`.repeat(i % 20));

/** A point of order 8, hence all eight of small order. */
const TORSION = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
const SMALL = Array.from({ length: 8 }, (_, i) => TORSION.multiplyUnsafe(BigInt(i)));

/** Signs with key aB + T and commitment rB + T', so that whether it verifies hangs on the torsion alone. */
function signMixed(i: number, keyTorsion: number, nonceTorsion: number): native.SignatureItem {
  const of = (factor: bigint, torsion: number) =>
    Point.BASE.multiply(factor)
      .add(SMALL[torsion] ?? Point.ZERO)
      .toBytes();
  const nonce = BigInt(1000 + i);
  const publicKey = of(scalar, keyTorsion);
  const r = of(nonce, nonceTorsion);
  const k = big(sha512(concat(r, publicKey, message(i)))) % L;
  const signature = concat(r, little((nonce + k * scalar) % L));
  return { publicKey, signature, message: message(i) };
}

/** Every way known to make two verifiers disagree. */
function hostile(): native.SignatureItem[] {
  const good = signMixed(3, 0, 0);
  const { signature } = good;
  const s = big(signature.subarray(32));
  const withS = (value: bigint) => ({
    ...good,
    signature: concat(signature.slice(0, 32), little(value)),
  });
  const p = 2n ** 255n - 19n;
  const sign = 2n ** 255n;
  const encodings = [
    ...SMALL.map((point) => point.toBytes()),
    // y = p … p + 18 (not canonical), x = 0 with its sign set, not on the curve, all ones.
    ...Array.from({ length: 19 }, (_, i) => little(p + BigInt(i))),
    ...Array.from({ length: 19 }, (_, i) => little(p + BigInt(i) + sign)),
    ...[1n + sign, p - 1n + sign, 2n, 7n, 2n ** 256n - 1n].map(little),
  ];
  const identity = little(1n);
  return [
    good,
    ...[s + L, s + 2n * L, s + 8n * L, L, 0n, s - 1n, 2n ** 256n - 1n, s | (1n << 255n)].map(withS),
    ...encodings.map((publicKey) => ({ ...good, publicKey })),
    ...encodings.map((publicKey) => ({
      ...good,
      publicKey,
      signature: concat(identity, little(0n)),
    })),
    ...encodings.map((r) => ({ ...good, signature: concat(r, signature.slice(32)) })),
    ...encodings.flatMap((r) =>
      encodings.map((publicKey) => ({ ...good, publicKey, signature: concat(r, little(0n)) })),
    ),
  ];
}

function verdicts(items: readonly native.SignatureItem[]): number[] {
  return items.map((item) => Number(verifyEd25519(item.signature, item.message, item.publicKey)));
}

describe('native signatures (C5)', function () {
  this.timeout(60_000); // the TypeScript verifier takes milliseconds each

  it('are those of RFC 8032', () => {
    const publicKey = native.publicKeyEd25519(seed);
    assert.deepEqual(Uint8Array.from(publicKey), ed25519.getPublicKey(seed));
    for (let i = 0; i < 20; i++) {
      const signature = native.signEd25519(seed, message(i));
      assert.deepEqual(Uint8Array.from(signature), ed25519.sign(message(i), seed));
    }
    assert.throws(() => native.signEd25519(seed.slice(1), message(0)), { code: 'sig/malformed' });
    assert.throws(() => native.publicKeyEd25519(new Uint8Array(33)), { code: 'sig/malformed' });
  });

  it('get the verdict of the TypeScript verifier, on every hostile one too', async () => {
    const items = hostile();
    const expected = verdicts(items);
    const packed = native.packSignatures(items);
    assert.deepEqual([...native.verifySignaturesSync(packed)], expected);
    assert.deepEqual([...(await native.verifySignatures(packed))], expected);
    assert.equal(expected[0], 1);
    assert.equal(
      expected.reduce((a, b) => a + b),
      1,
      'all others are refused',
    );
  });

  it('with a torsion component get one verdict each, the cofactorless one', () => {
    const items = Array.from({ length: 160 }, (_, i) => signMixed(i, i % 8, (i >> 3) % 3));
    const expected = verdicts(items);
    assert.deepEqual([...native.verifySignaturesSync(native.packSignatures(items))], expected);
    const lax = items.map((item) =>
      ed25519.verify(item.signature, item.message, item.publicKey, { zip215: true }),
    );
    assert.ok(lax.every(Boolean), 'a cofactored verifier takes them all');
    const mixed = expected.filter((_, i) => i % 8 !== 0);
    assert.ok(
      mixed.includes(0) && mixed.includes(1),
      'both verdicts occur with torsion in the key',
    );
  });

  it('are checked one by one: a bad one spoils no other', async () => {
    const items = Array.from({ length: 12 }, (_, i) => signMixed(i, 0, 0));
    await fc.assert(
      fc.asyncProperty(fc.subarray([...items.keys()]), fc.nat(511), async (bad, bit) => {
        const turned = items.map((item, i) => {
          const flip = (byte: number, at: number) =>
            at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte;
          return bad.includes(i) ? { ...item, signature: item.signature.map(flip) } : item;
        });
        const found = await native.verifySignatures(native.packSignatures(turned));
        assert.deepEqual(
          [...found],
          items.map((_, i) => Number(!bad.includes(i))),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('refuse packed bytes that break off, on the pool as on the thread', async () => {
    const two = native.packSignatures([signMixed(1, 0, 0), signMixed(2, 0, 0)]);
    const first = native.packSignatures([signMixed(1, 0, 0)]).length;
    for (let end = 1; end < two.length; end++) {
      if (end === first) continue;
      const torn = two.subarray(0, end);
      const error = { code: 'sig/malformed', message: /break off at byte/ };
      assert.throws(() => native.verifySignaturesSync(torn), error);
      await assert.rejects(native.verifySignatures(torn), error);
    }
    const many = native.packSignatures(Array.from({ length: 9 }, (_, i) => signMixed(i, 0, 0)));
    await assert.rejects(native.verifySignatures(many.subarray(1)), { code: 'sig/malformed' });
    assert.equal((await native.verifySignatures(new Uint8Array())).length, 0);
    const item = signMixed(1, 0, 0);
    for (const wrong of [{ publicKey: seed.slice(1) }, { signature: new Uint8Array(65) }]) {
      assert.throws(() => native.packSignatures([{ ...item, ...wrong }]), {
        code: 'sig/malformed',
      });
    }
  });
});

describe('native BLAKE3', () => {
  const label = 'pyralog v1 node';

  it('equals the TypeScript one in every mode, alone and many at once', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 }), (inputs) => {
        const same = (found: Uint8Array[], expected: Uint8Array[]) =>
          assert.deepEqual(
            found.map((hash) => Uint8Array.from(hash)),
            expected,
          );
        const keyed = inputs.map((input) => blake3(input, { key: TREE_KEYS.node }));
        const derived = inputs.map((input) => blake3(input, { context: toUtf8(label) }));
        same(
          inputs.map((input) => native.blake3Hash(input)),
          inputs.map((input) => blake3(input)),
        );
        same(
          inputs.map((input) => native.blake3Keyed(label, input)),
          keyed,
        );
        same(
          inputs.map((input) => native.blake3Derived(label, input)),
          derived,
        );
        same(native.blake3KeyedMany(label, inputs), keyed);
        same(native.blake3DerivedMany(label, inputs), derived);
      }),
    );
  });
});
