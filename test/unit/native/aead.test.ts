import { strict as assert } from 'node:assert';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { AEAD_TAG_BYTES, type AeadUse, aeadOpen, aeadSeal } from '../../../native/index.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const use: fc.Arbitrary<AeadUse> = fc.record({
  key: bytes(32),
  nonce: bytes(12),
  data: fc.uint8Array({ maxLength: 40 }),
});

function sealed(given: AeadUse, plain: Uint8Array): Uint8Array {
  const room = new Uint8Array(plain.length + AEAD_TAG_BYTES);
  room.set(plain);
  aeadSeal(given, room);
  return room;
}

describe('native: ChaCha20-Poly1305 (RFC 8439)', () => {
  it('seals the example of section 2.8.2', () => {
    const plain = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
    const nonce = Buffer.from('070000004041424344454647', 'hex');
    const data = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex');
    const tag = Buffer.from(sealed({ key, nonce, data }, plain)).subarray(-AEAD_TAG_BYTES);
    assert.equal(tag.toString('hex'), '1ae10b594f09e26a7e902ecbd0600691');
  });

  it('seals as OpenSSL does, and opens it again', () => {
    fc.assert(
      fc.property(use, fc.uint8Array({ maxLength: 700 }), (given, plain) => {
        const { key, nonce, data } = given;
        const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
        cipher.setAAD(data, { plaintextLength: plain.length });
        const theirs = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
        const ours = sealed(given, plain);
        assert.deepEqual(ours, new Uint8Array(theirs));
        assert.equal(aeadOpen(given, ours), true);
        assert.deepEqual(ours.subarray(0, plain.length), plain);
      }),
    );
  });

  it('works within a part of larger memory, and touches nothing around it', () => {
    const given = { key: new Uint8Array(32), nonce: new Uint8Array(12), data: new Uint8Array(0) };
    const whole = Buffer.alloc(60, 7);
    aeadSeal(given, whole.subarray(10, 50));
    assert.deepEqual(whole.subarray(0, 10), Buffer.alloc(10, 7));
    assert.deepEqual(whole.subarray(50), Buffer.alloc(10, 7));
    assert.deepEqual(Buffer.from(sealed(given, Buffer.alloc(24, 7))), whole.subarray(10, 50));
  });

  it('refuses what was changed anywhere, and leaves it as it is', () => {
    const change = fc.tuple(fc.constantFrom('key', 'nonce', 'data', 'bytes'), fc.nat(), fc.nat(7));
    fc.assert(
      fc.property(
        use,
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        change,
        (given, plain, change) => {
          const [what, at, bit] = change;
          const message = sealed(given, plain);
          const changed = { ...given, bytes: message };
          const part = Uint8Array.from(changed[what]);
          fc.pre(part.length > 0);
          part[at % part.length] = (part[at % part.length] ?? 0) ^ (1 << bit);
          const { bytes: altered, ...other } = { ...changed, [what]: part };
          const before = Uint8Array.from(altered);
          assert.equal(aeadOpen(other, altered), false);
          assert.deepEqual(altered, before);
        },
      ),
    );
  });

  it('refuses keys, nonces and messages of the wrong length', () => {
    const right = { key: new Uint8Array(32), nonce: new Uint8Array(12), data: new Uint8Array(0) };
    const wrong = [
      [{ ...right, key: new Uint8Array(31) }, 16],
      [{ ...right, nonce: new Uint8Array(24) }, 16],
      [right, 15],
    ] as const;
    for (const [given, length] of wrong) {
      assert.throws(() => aeadSeal(given, new Uint8Array(length)), { code: 'binding/argument' });
      assert.throws(() => aeadOpen(given, new Uint8Array(length)), { code: 'binding/argument' });
    }
  });
});
