import { strict as assert } from 'node:assert';
import { encode } from 'cborg';
import fc from 'fast-check';
import { signatureOf } from '../../../chain/codec/transaction.ts';
import {
  decodeBlock,
  decodeTransaction,
  encodeBlock,
  encodeTransaction,
  signTransaction,
  type Transaction,
  type TransactionBody,
  transactionId,
} from '../../../chain/index.ts';
import { createSeedSigner, verifySigned } from '../../../consensus/index.ts';
import { encodeMultihash, labelHash } from '../../../receipt/index.ts';
import { NETWORK } from '../../support/chain.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const amount = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((s) => s.isWellFormed());
const path = fc.array(bytes32, { maxLength: 4 });
const keys = fc.array(fc.record({ name: text, publicKey: bytes32 }), { maxLength: 3 });
const leaf = fc.uint8Array({ minLength: 128, maxLength: 128 });

const body: fc.Arbitrary<TransactionBody> = fc.oneof(
  fc.record({ kind: fc.constant('transfer' as const), to: bytes32, amount }),
  fc.record({
    kind: fc.constant('register-cluster' as const),
    name: text,
    keys,
    threshold: fc.nat(),
    faults: fc.nat(),
    submitters: fc.array(bytes32, { maxLength: 3 }),
    deposit: amount,
  }),
  fc.record({
    kind: fc.constant('anchor' as const),
    note: text,
    from: fc.maxSafeNat(),
    paths: fc.array(path, { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('notarize' as const),
    multihash: bytes32.map((digest) => encodeMultihash({ algorithm: 'blake3', digest })),
  }),
  fc.record(
    {
      kind: fc.constant('evidence' as const),
      notes: fc.tuple(text, text),
      leaves: fc.record({
        index: fc.maxSafeNat(),
        records: fc.tuple(leaf, leaf),
        paths: fc.tuple(path, path),
      }),
    },
    { requiredKeys: ['kind', 'notes'] },
  ),
);

const transaction: fc.Arbitrary<Transaction> = fc.record({
  sender: bytes32,
  nonce: amount,
  fee: amount,
  until: fc.maxSafeNat(),
  body,
  signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
});

/** A transaction in items, for what the encoder would not write. */
const items = (changes: Readonly<Record<number, unknown>> = {}): unknown[] =>
  Object.assign(
    [1, 0, new Uint8Array(32), 0, 0, 0, [new Uint8Array(32), 0], new Uint8Array(64)],
    changes,
  );

function refused(bytes: Uint8Array): string {
  const decoded = decodeTransaction(bytes);
  assert.equal(decoded.ok, false, `taken: ${Buffer.from(bytes).toString('hex')}`);
  return decoded.reason;
}

describe('transactions in bytes (X1)', () => {
  it('come back as they went, out of a Buffer too', () => {
    fc.assert(
      fc.property(transaction, (value) => {
        const bytes = encodeTransaction(value);
        for (const form of [bytes, Buffer.concat([Buffer.from([9]), bytes]).subarray(1)]) {
          const decoded = decodeTransaction(form);
          assert.ok(decoded.ok);
          assert.deepEqual(encodeTransaction(decoded.value), bytes);
          assert.deepEqual(JSON.parse(plain(decoded.value)), JSON.parse(plain(value)));
        }
      }),
    );
  });

  it('what is taken is its only encoding, whatever byte was changed, cut or added', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.nat(3), add: fc.nat(2) });
    fc.assert(
      fc.property(transaction, change, (value, { at, to, cut, add }) => {
        const bytes = encodeTransaction(value);
        const changed = Buffer.concat([bytes.subarray(0, bytes.length - cut), Buffer.alloc(add)]);
        changed[at % changed.length] = to;
        const decoded = decodeTransaction(changed);
        if (decoded.ok) assert.deepEqual(Buffer.from(encodeTransaction(decoded.value)), changed);
      }),
      { numRuns: 2_000 },
    );
  });

  it('every change of a single byte of a real one is refused or is another transaction', () => {
    const bytes = encode(items());
    for (let at = 0; at < bytes.length; at++) {
      for (let to = 0; to < 256; to++) {
        const changed = Uint8Array.from(bytes);
        changed[at] = to;
        const decoded = decodeTransaction(changed);
        if (decoded.ok) assert.deepEqual(encodeTransaction(decoded.value), changed);
      }
    }
  });

  it('refuses what cborg is lax about', () => {
    const good = Buffer.from(encode(items()));
    assert.ok(decodeTransaction(good).ok);
    // Item 3, the nonce, stands behind array, version, kind and the sender's 34 bytes.
    const withNonce = (...nonce: number[]) =>
      Buffer.concat([good.subarray(0, 37), Buffer.from(nonce), good.subarray(38)]);
    assert.ok(decodeTransaction(withNonce(0x05)).ok);
    const floats = withNonce(0xf9, 0x3c, 0x00); // 1.0 in half precision
    assert.match(refused(floats), /one encoding/);
    assert.match(refused(withNonce(0x18, 0x05)), /not one item/); // 5 in two bytes
    assert.match(refused(withNonce(0xc1, 0x05)), /not one item/); // under a tag
    assert.match(refused(withNonce(0x20)), /nonce/); // -1
    assert.match(refused(withNonce(0xf5)), /nonce/); // true
    assert.match(refused(withNonce(0xf6)), /nonce/); // null
    assert.match(refused(withNonce(0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0)), /below 2\^63/);
    assert.match(
      refused(Buffer.concat([Buffer.from([0x9f]), good.subarray(1), Buffer.from([0xff])])),
      /not one item/,
    );
    assert.match(refused(Buffer.concat([good, Buffer.from([0])])), /not one item/);
    const broken = encode(items({ 1: 2, 6: ['aaaa', 0, []] }));
    const at = Buffer.from(broken).indexOf('aaaa');
    broken.set([0xc3, 0x28], at); // not UTF-8
    assert.match(refused(broken), /one encoding/);
  });

  it('names what is out of its bounds', () => {
    const cases: [Readonly<Record<number, unknown>>, RegExp][] = [
      [{ 0: 2 }, /newer/],
      [{ 0: 0 }, /version/],
      [{ 1: 5 }, /kind 5/],
      [{ 2: new Uint8Array(31) }, /sender has 31 bytes/],
      [{ 3: 2n ** 63n }, /nonce/],
      [{ 4: 2n ** 63n }, /fee/],
      [{ 5: 2n ** 53n }, /until/],
      [{ 6: [new Uint8Array(32)] }, /body has 1 items/],
      [{ 6: [new Uint8Array(33), 0] }, /to has 33 bytes/],
      [{ 7: new Uint8Array(63) }, /signature has 63/],
      [{ 8: 0 }, /9 items/],
      [{ 1: 3, 6: [new Uint8Array([0x12, 32, 1])] }, /multihash/],
      [{ 1: 2, 6: ['', 0, [new Uint8Array(33)]] }, /path is not whole hashes/],
      [{ 1: 4, 6: [2, '', ''] }, /form/],
      [{ 1: 4, 6: [0, '', '', 0] }, /4 items/],
    ];
    for (const [changes, reason] of cases) assert.match(refused(encode(items(changes))), reason);
    assert.match(refused(new Uint8Array(65_537)), /65537 bytes/);
    assert.match(refused(new Uint8Array(60_000).fill(0x81)), /not one item/);
    assert.match(refused(new Uint8Array(0)), /not one item/);
  });

  it('have the id that hashing all bytes gives (X2), and are signed without the last item (X1)', async () => {
    const signer = createSeedSigner(new Uint8Array(32).fill(3));
    const unsigned = {
      sender: signer.publicKey,
      nonce: 4n,
      fee: 9_000n,
      until: 12,
      body: { kind: 'transfer', to: new Uint8Array(32), amount: 2n ** 60n },
    } as const;
    const signed = await signTransaction(unsigned, NETWORK, signer);
    assert.deepEqual(Uint8Array.from(signed.id), labelHash('transaction', signed.bytes));
    assert.deepEqual(transactionId(signed.bytes), signed.id);
    const bytes = encode([1, 0, signer.publicKey, 4, 9_000, 12, [new Uint8Array(32), 2n ** 60n]]);
    const { signature } = signed.transaction;
    const statement = { domain: 'transaction', network: NETWORK, bytes, signature };
    assert.ok(verifySigned(statement, signer.publicKey));
    assert.deepEqual(
      Buffer.from(signatureOf(signed, NETWORK).message).subarray(-bytes.length),
      Buffer.from(bytes),
    );
    const foreign = { ...unsigned, sender: new Uint8Array(32) };
    await assert.rejects(signTransaction(foreign, NETWORK, signer), { code: 'chain/malformed' });
    const huge = { ...unsigned, fee: 2n ** 63n };
    await assert.rejects(signTransaction(huge, NETWORK, signer), { code: 'chain/malformed' });
  });
});

describe('blocks in bytes (X11)', () => {
  it('come back as they went, and take no other encoding', () => {
    const part = fc.uint8Array({ maxLength: 40 });
    const block = fc.record(
      { header: part, certificate: part, transactions: fc.array(part, { maxLength: 5 }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(block, fc.nat(), fc.nat(255), (value, at, to) => {
        const bytes = encodeBlock(value);
        const back = decodeBlock(bytes);
        assert.ok(back.ok);
        assert.deepEqual(back.value, value);
        const changed = Uint8Array.from(bytes);
        changed[at % changed.length] = to;
        const decoded = decodeBlock(changed);
        if (decoded.ok) assert.deepEqual(encodeBlock(decoded.value), changed);
      }),
    );
    assert.equal(decodeBlock(encode([new Uint8Array(0), new Uint8Array(0), 'x'])).ok, false);
    assert.equal(decodeBlock(encode([new Uint8Array(0), new Uint8Array(0)])).ok, false);
  });
});

function plain(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}
