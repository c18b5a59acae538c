import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as chain from '../../../chain/index.ts';
import {
  RpcError,
  seedKey,
  signTransaction,
  transactionId,
  type WalletBody,
  type WalletTransaction,
} from '../../../client/index.ts';
import { createSeedSigner } from '../../../consensus/index.ts';
import { encodeMultihash } from '../../../receipt/index.ts';

const NETWORK = 'devnet-00112233aabbccdd';
const seed = new Uint8Array(32).fill(5);
const key = seedKey(seed);
const parameters = { feeBase: 1_000n, feePerByte: 10n };
const wallet = { network: NETWORK, key, parameters };

const amount = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const sortedKeys = fc
  .uniqueArray(bytes32, { minLength: 1, maxLength: 4, selector: (bytes) => bytes.join() })
  .map((keys) => keys.toSorted(Buffer.compare));
const body: fc.Arbitrary<WalletBody> = fc.oneof(
  fc.record({ kind: fc.constant('transfer' as const), to: bytes32, amount }),
  bytes32.map((digest) => ({
    kind: 'notarize' as const,
    multihash: encodeMultihash({ algorithm: 'sha256', digest }),
  })),
  sortedKeys.map((keys) => ({
    kind: 'register-cluster' as const,
    name: 'eu',
    keys: keys.map((publicKey, i) => ({ name: `pyralog/${NETWORK}/eu/node-${i}`, publicKey })),
    threshold: 1,
    faults: 0,
    submitters: keys,
    deposit: 9n,
  })),
);

describe('transactions signed by a wallet (X1, X2)', () => {
  it('are, byte for byte, what the chain signs and reads', async () => {
    const signer = createSeedSigner(seed);
    const transaction = fc.record({
      nonce: amount,
      fee: amount,
      until: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      body,
    });
    await fc.assert(
      fc.asyncProperty(transaction, async (given) => {
        const signed = await signTransaction(given, wallet);
        const unsigned = { ...given, sender: key.publicKey };
        const reference = await chain.signTransaction(unsigned, NETWORK, signer);
        assert.deepEqual(signed.bytes, Uint8Array.from(reference.bytes));
        assert.deepEqual(signed.id, Uint8Array.from(reference.id));
        assert.ok(chain.decodeTransaction(signed.bytes).ok);
      }),
      { numRuns: 60 },
    );
  });

  it('pay the least fee for their length, not a unit more than a step needs', async () => {
    for (const feePerByte of [0n, 1n, 10n, 100_000_000n]) {
      const fees = { feeBase: 1_000n, feePerByte };
      const transfer = { kind: 'transfer', to: new Uint8Array(32), amount: 5n } as const;
      const given = { nonce: 0n, fee: 'least', until: 0, body: transfer } as const;
      const { bytes, fee } = await signTransaction(given, { ...wallet, parameters: fees });
      assert.equal(fee, chain.minimumFee(bytes.length, fees));
    }
  });

  it('refuse what no reader takes, before signing', async () => {
    const transfer = { kind: 'transfer', to: new Uint8Array(32), amount: 5n } as const;
    const good: WalletTransaction = { nonce: 0n, fee: 9n, until: 0, body: transfer };
    const bad: [WalletTransaction, RegExp][] = [
      [{ ...good, nonce: 2n ** 63n }, /nonce/],
      [{ ...good, fee: -1n }, /fee/],
      [{ ...good, until: 0.5 }, /until/],
      [{ ...good, body: { ...transfer, amount: 2n ** 63n } }, /amount/],
      [{ ...good, body: { ...transfer, to: new Uint8Array(31) } }, /31 bytes/],
    ];
    const never = { publicKey: key.publicKey, sign: () => assert.fail('signed') };
    for (const [transaction, why] of bad) {
      await assert.rejects(
        signTransaction(transaction, { ...wallet, key: never }),
        (error) =>
          error instanceof RpcError &&
          error.code === 'client/invalid-argument' &&
          why.test(error.message),
      );
    }
    const short = { publicKey: key.publicKey, sign: () => new Uint8Array(3) };
    await assert.rejects(signTransaction(good, { ...wallet, key: short }), /no Ed25519 signature/);
  });

  it('have another id and signature on another network', async () => {
    const transfer = { kind: 'transfer', to: new Uint8Array(32), amount: 5n } as const;
    const given = { nonce: 0n, fee: 9n, until: 0, body: transfer };
    const here = await signTransaction(given, wallet);
    const there = await signTransaction(given, { ...wallet, network: 'acme-00112233aabbccdd' });
    assert.notDeepEqual(here.id, there.id);
    assert.deepEqual(here.id, transactionId(here.bytes));
  });
});
