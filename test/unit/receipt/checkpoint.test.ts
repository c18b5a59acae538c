import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { concat, fromBase64, toUtf8 } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { codeOf, ORIGIN, receiptOf, replica, SCOPE, signed, unwrap } from './support.ts';

const checkpoint: r.Checkpoint = {
  origin: ORIGIN,
  size: 5,
  root: new Uint8Array(32).fill(1),
  epoch: 1,
  time: 1790000000000,
};
const note = receiptOf().checkpoint;
const NODES = [0, 1, 2].map((i) => replica(i));
const KEYS = NODES.map(({ key }) => key);
const codeOfNote = (text: string) => {
  const parsed = r.parseCheckpoint(text);
  return codeOf(parsed.ok ? r.verifyNote(parsed.value.note, KEYS) : parsed);
};

describe('checkpoint', function () {
  this.timeout(30_000); // some thousand Ed25519 checks in TypeScript

  it('round-trips (C1)', () => {
    const root = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), root, fc.boolean(), (size, hash, sha256) => {
        const value = { ...checkpoint, size, root: hash, ...(sha256 && { sha256Root: hash }) };
        assert.deepEqual(unwrap(r.parseCheckpointBody(r.formatCheckpointBody(value))), value);
        const head = { origin: `${ORIGIN}/sha256`, size, root: hash };
        assert.deepEqual(unwrap(r.parseSha256Body(r.formatSha256Body(head))), head);
      }),
    );
    assert.ok(!r.parseSha256Body(r.formatCheckpointBody(checkpoint)).ok);
  });

  it('writes nothing that could not be read', () => {
    const short = new Uint8Array(31);
    const bad: Partial<r.Checkpoint>[] = [
      { size: -1 },
      { size: 2 ** 53 },
      { epoch: 0 },
      { time: 0.5 },
      { root: short },
      { sha256Root: short },
      { origin: SCOPE },
      { origin: `${ORIGIN}/sha256` },
    ];
    for (const change of bad) {
      const value = { ...checkpoint, ...change };
      assert.throws(() => r.formatCheckpointBody(value), { code: 'receipt/malformed' });
    }
  });

  it('never throws, and reads back what it wrote (C2)', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        '\n\n',
        '\u2014 ',
        'a',
        ' ',
        '+',
        '=',
        'AAAAAAAA',
        '\u00a0',
        '\u0085',
        '\ud800',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const parsed = r.parseNote(text);
        if (parsed.ok) assert.equal(r.formatNote(parsed.value), text);
        assert.equal(r.parseVerificationKey(text).ok, false);
      }),
    );
    fc.assert(
      fc.property(fc.nat(note.length), fc.nat(3), piece, (at, cut, insert) => {
        const text = note.slice(0, at) + insert + note.slice(at + cut);
        const parsed = r.parseCheckpoint(text);
        if (parsed.ok) assert.equal(r.formatNote(parsed.value.note), text);
      }),
    );
  });

  it('says line and reason', () => {
    const refusal = r.parseCheckpoint(note.replace('epoch 1', 'epoch 01'));
    assert.ok(!refusal.ok && /line 4.*epoch/.test(refusal.message));
    const signature = r.parseCheckpoint(note.replace('\u2014 ', '\u2014  '));
    assert.ok(!signature.ok && /line 7/.test(signature.message));
    const control = r.parseCheckpoint(note.replace('epoch', 'epo\u0007ch'));
    assert.ok(!control.ok && /line 4: a control character/.test(control.message));
  });

  it('keeps the bounds of C2', () => {
    const body = r.formatCheckpointBody(checkpoint);
    const line = `\u2014 other+x AAAAAAA=\n`;
    assert.equal(codeOf(r.parseNote(`${body}\n${line}`)), 'receipt/malformed', 'plus in a name');
    const good = `\u2014 other AAAAAAA=\n`;
    assert.equal(unwrap(r.parseNote(`${body}\n${good.repeat(64)}`)).signatures.length, 64);
    assert.equal(codeOf(r.parseNote(`${body}\n${good.repeat(65)}`)), 'receipt/malformed');
    const long = `\u2014 other ${'A'.repeat(16_000)}\n`;
    assert.ok(r.parseNote(`${body}\n${long}`).ok);
    assert.equal(codeOf(r.parseNote(`${body}\n${long}${good.repeat(20)}`)), 'receipt/malformed');
    assert.equal(
      codeOf(r.parseNote(`${body}\n\u2014 other AAAAAA==\n`)),
      'receipt/malformed',
      'only a key id',
    );
  });

  it('counts known keys once and passes over unknown ones (C4)', () => {
    const body = r.formatCheckpointBody(checkpoint);
    const [a, b, c] = NODES as [(typeof NODES)[0], (typeof NODES)[0], (typeof NODES)[0]];
    const names = (text: string, keys = KEYS) =>
      unwrap(r.verifyNote(unwrap(r.parseNote(text)), keys)).map(({ name }) => name);
    assert.deepEqual(names(signed(body, [a, b])), [a.key.name, b.key.name]);
    assert.deepEqual(names(signed(body, [a, a])), [a.key.name]);
    assert.deepEqual(names(signed(body, [c, a]), [a.key]), [a.key.name]);
    assert.deepEqual(names(signed(body, [c]), [a.key]), []);
    // Another key under the same name has another key id: unknown.
    const impostor = replica(7, a.key.name);
    assert.deepEqual(names(signed(body, [impostor]), [a.key]), []);
  });

  it('refuses a note in which a known key does not verify, whoever else signed (C4)', () => {
    const body = r.formatCheckpointBody(checkpoint);
    const [a, b] = NODES as [(typeof NODES)[0], (typeof NODES)[0]];
    const forged = { key: a.key, sign: b.sign };
    assert.equal(codeOfNote(signed(body, [b, forged])), 'receipt/bad-signature');
    assert.equal(codeOfNote(signed(body, [a, forged])), 'receipt/bad-signature');
    const good = unwrap(r.parseNote(signed(body, [a])));
    const line = good.signatures[0] as r.NoteSignature;
    const later = line.signature.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
    for (const signature of [later, line.signature.slice(1), concat(line.signature, later)]) {
      const text = r.formatNote({ body, signatures: [{ ...line, signature }] });
      assert.equal(codeOfNote(text), 'receipt/bad-signature');
    }
  });

  it('tells equivocation from signing again (C7)', () => {
    const again = { ...checkpoint, epoch: 9, time: 1 };
    assert.ok(!r.isEquivocation(checkpoint, again));
    assert.ok(r.isEquivocation(checkpoint, { ...again, root: new Uint8Array(32) }));
    assert.ok(!r.isEquivocation(checkpoint, { ...again, size: 6, root: new Uint8Array(32) }));
    assert.ok(
      !r.isEquivocation(checkpoint, { ...again, origin: `${SCOPE}/x/0`, root: new Uint8Array(32) }),
    );
  });
});

describe('ed25519, strictly (C5)', () => {
  const seed = new Uint8Array(32).fill(9);
  const publicKey = ed25519.getPublicKey(seed);
  const message = toUtf8('message');
  const signature = ed25519.sign(message, seed);
  const { n } = ed25519.Point.CURVE();
  const little = (value: bigint) =>
    Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  const big = (bytes: Uint8Array) =>
    bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);

  it('accepts what was signed and nothing near it', () => {
    assert.ok(r.verifyEd25519(signature, message, publicKey));
    for (let at = 0; at < 64; at++) {
      const other = signature.map((byte, i) => (i === at ? byte ^ 16 : byte));
      assert.ok(!r.verifyEd25519(other, message, publicKey), `byte ${at}`);
    }
    assert.ok(!r.verifyEd25519(signature, toUtf8('massage'), publicKey));
    assert.ok(!r.verifyEd25519(signature.slice(1), message, publicKey));
    assert.ok(!r.verifyEd25519(signature, message, publicKey.slice(1)));
  });

  it('refuses S + L', () => {
    const s = big(signature.subarray(32)) + n;
    assert.ok(!r.verifyEd25519(concat(signature.subarray(0, 32), little(s)), message, publicKey));
  });

  it('refuses small-order keys and commitments, which lax verifiers accept for any message', () => {
    const identity = little(1n);
    const forged = concat(identity, new Uint8Array(32));
    assert.ok(
      ed25519.verify(forged, message, identity, { zip215: true }),
      'the forgery works elsewhere',
    );
    assert.ok(!r.verifyEd25519(forged, message, identity));
    assert.ok(!r.isPublicKey(identity));
    // R = identity, S = k·a: satisfies the equation, but R is of small order.
    const { head, scalar } = ed25519.utils.getExtendedPublicKey(seed);
    assert.equal(head.length, 32);
    const k = big(sha512(concat(identity, publicKey, message))) % n;
    const smallR = concat(identity, little((k * scalar) % n));
    assert.ok(ed25519.verify(smallR, message, publicKey, { zip215: true }));
    assert.ok(!r.verifyEd25519(smallR, message, publicKey));
  });

  it('is cofactorless: a component of small order in A or R counts', () => {
    const torsion = ed25519.Point.fromHex(
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    );
    const { scalar } = ed25519.utils.getExtendedPublicKey(seed);
    const nonce = 12345n;
    const mixed = ed25519.Point.BASE.multiply(nonce).add(torsion).toBytes();
    const k = big(sha512(concat(mixed, publicKey, message))) % n;
    const cofactored = concat(mixed, little((nonce + k * scalar) % n));
    assert.ok(ed25519.verify(cofactored, message, publicKey, { zip215: true }));
    assert.ok(!r.verifyEd25519(cofactored, message, publicKey));
  });

  it('reads a key of another maker (C3)', () => {
    const { key } = replica(0);
    const text = r.formatVerificationKey(key);
    assert.deepEqual(unwrap(r.parseVerificationKey(text)), key);
    const wrongId = text.replace(key.keyId, '00000000');
    assert.equal(codeOf(r.parseVerificationKey(wrongId)), 'receipt/bad-key');
    assert.equal(codeOf(r.parseVerificationKey(`x${text}`)), 'receipt/bad-key');
    assert.equal(codeOf(r.parseVerificationKey(`${text}\n`)), 'receipt/bad-key');
    assert.throws(() => r.verificationKey('a b', 'log', key.publicKey), {
      code: 'receipt/bad-key',
    });
    assert.equal(fromBase64(text.split('+').slice(2).join('+'))?.[0], 4);
  });
});
