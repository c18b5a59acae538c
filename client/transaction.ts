// SPDX-License-Identifier: Apache-2.0
/**
 * Building and signing transactions where there is no node: in a browser, in a wallet (chain.md X1, X2). The encoding is that of
 * the chain's own codec, which a test holds equal; what a reader would refuse is refused here, before it is signed.
 *
 *     const key = seedKey(seed);
 *     const { nextNonce } = await client.chain.account(key.publicKey);
 *     const body = { kind: 'transfer', to, amount: 5n } as const;
 *     const transfer = { nonce: nextNonce, fee: 'least', until: 0, body } as const;
 *     const { bytes } = await signTransaction(transfer, { network, key, parameters });
 *     await client.chain.submit(bytes, { waitFor: 'final' });
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { encode } from 'cborg';
import type { ChainParameters } from '../api/index.ts';
import { toUtf8 } from '../base/bytes.ts';
import { signedBytes } from '../receipt/index.ts';
import { clientError } from './errors.ts';

/** What a wallet does on the chain; anchors and evidence are made by nodes. */
export type WalletBody =
  | { readonly kind: 'transfer'; readonly to: Uint8Array; readonly amount: bigint }
  | {
      readonly kind: 'register-cluster';
      readonly name: string;
      /** Sorted by name. */
      readonly keys: readonly { readonly name: string; readonly publicKey: Uint8Array }[];
      readonly threshold: number;
      readonly faults: number;
      /** Sorted, distinct. */
      readonly submitters: readonly Uint8Array[];
      readonly deposit: bigint;
    }
  | { readonly kind: 'notarize'; readonly multihash: Uint8Array };

export interface WalletTransaction {
  readonly nonce: bigint;
  /** `least`: the least that its length asks for (X3). */
  readonly fee: bigint | 'least';
  /** Last height it may stand in; 0 = any. */
  readonly until: number;
  readonly body: WalletBody;
}

/** Holds the key of an account; it may live in a device. */
export interface TransactionKey {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

export interface SignedTransaction {
  /** X2. */
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly fee: bigint;
}

/** Numbers of the kinds (X5, X6, X8). */
const KINDS = { transfer: 0, 'register-cluster': 1, notarize: 3 } as const;
const VERSION = 1;
const DOMAIN = 'transaction';
const ID_CONTEXT = toUtf8('pyralog v1 transaction');
const AMOUNT_LIMIT = 2n ** 63n;
const SIGNATURE_BYTES = 64;

/** A key in memory; `seed` is 32 bytes. */
export function seedKey(seed: Uint8Array): TransactionKey {
  const own = Uint8Array.from(seed);
  return {
    publicKey: ed25519.getPublicKey(own),
    sign: (message) => ed25519.sign(message, own),
  };
}

/** Signs for one network; on any other the transaction is worth nothing. Rejects with `client/invalid-argument`. */
export async function signTransaction(
  transaction: WalletTransaction,
  {
    network,
    key,
    parameters,
  }: {
    readonly network: string;
    readonly key: TransactionKey;
    readonly parameters: Pick<ChainParameters, 'feeBase' | 'feePerByte'>;
  },
): Promise<SignedTransaction> {
  const { nonce, until, body } = transaction;
  for (const [name, amount] of Object.entries(amountsOf(transaction))) {
    if (amount < 0n || amount >= AMOUNT_LIMIT) throw invalid(`${name} is not 0 to 2^63 − 1`);
  }
  if (!Number.isSafeInteger(until) || until < 0) throw invalid('until is no height');
  const items = (fee: bigint) =>
    [VERSION, KINDS[body.kind], key.publicKey, nonce, fee, until, bodyItems(body)] as const;
  const fee = transaction.fee === 'least' ? leastFee(items, parameters) : transaction.fee;
  const unsigned = items(fee);
  const signature = await key.sign(signedBytes(DOMAIN, network, encode(unsigned)));
  if (signature.length !== SIGNATURE_BYTES) throw invalid('the key gave no Ed25519 signature');
  // A plain array of its own: in Node the encoder hands out views of a pool.
  const bytes = new Uint8Array(encode([...unsigned, signature]));
  return { id: transactionId(bytes), bytes, fee };
}

/** X2. */
export function transactionId(bytes: Uint8Array): Uint8Array {
  return blake3(bytes, { context: ID_CONTEXT });
}

function amountsOf({ nonce, fee, body }: WalletTransaction): Record<string, bigint> {
  return {
    nonce,
    ...(fee === 'least' ? {} : { fee }),
    ...(body.kind === 'transfer' && { amount: body.amount }),
    ...(body.kind === 'register-cluster' && { deposit: body.deposit }),
  };
}

function bodyItems(body: WalletBody): unknown[] {
  if (body.kind === 'notarize') return [body.multihash];
  if (body.kind === 'transfer') {
    if (body.to.length !== 32) throw invalid(`to has ${body.to.length} bytes, not 32`);
    return [body.to, body.amount];
  }
  const { name, keys, threshold, faults, submitters, deposit } = body;
  const keyItems = keys.map((key) => [key.name, key.publicKey]);
  return [name, keyItems, threshold, faults, [...submitters], deposit];
}

/** The fee is part of the length it is for: it is raised until it pays for itself, which takes two or three steps. */
function leastFee(
  items: (fee: bigint) => readonly unknown[],
  { feeBase, feePerByte }: Pick<ChainParameters, 'feeBase' | 'feePerByte'>,
): bigint {
  const signature = new Uint8Array(SIGNATURE_BYTES);
  let fee = feeBase;
  for (;;) {
    const bytes = encode([...items(fee), signature]).length;
    const needed = feeBase + feePerByte * BigInt(bytes);
    if (needed <= fee) return fee;
    fee = needed;
  }
}

function invalid(why: string) {
  return clientError('client/invalid-argument', why);
}
