/** An account that sends: its transactions signed ahead, taken in the order of their nonces (chain.md X4). */
import { createHash, createPrivateKey, randomFillSync, sign } from 'node:crypto';
import {
  type ChainParameters,
  seedKey,
  signTransaction,
  type TransactionKey,
} from '../../client/index.ts';
import type { Link } from './link.ts';

/** SHA-512 as a multihash: the longest digest there is, so that a transaction has about 200 bytes. */
const SHA512_CODE = 0x13;
const SHA512_BYTES = 64;
/** Large enough to take nine bytes each in the encoding. */
const FEE = 2n ** 32n;
const UNTIL = 2 ** 40;
/** PKCS #8 head of an Ed25519 seed (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key of OpenSSL: twenty times as fast as the client's own, which is plain JavaScript. */
export function fastKey(seed: Uint8Array): TransactionKey {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return {
    publicKey: seedKey(seed).publicKey,
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** What an account needs to send so many transactions. */
export function costOf(transactions: number): bigint {
  return FEE * BigInt(transactions);
}

export function laneSeed(networkId: string, number: number): Uint8Array {
  return createHash('sha256').update(`bench ${networkId} ${number}`).digest();
}

export interface Network {
  readonly network: string;
  readonly parameters: Pick<ChainParameters, 'feeBase' | 'feePerByte'>;
}

export class Lane {
  readonly key: TransactionKey;
  readonly link: Link;
  readonly #network: Network;
  /** Signed, not yet sent; the oldest nonce last. */
  #ready: Uint8Array[] = [];
  #nextNonce = 0n;
  /** A frame of this account is not answered yet: the next would overtake it. */
  busy = false;
  /** Until then it was asked to wait. */
  pausedUntil = 0;

  constructor(seed: Uint8Array, link: Link, network: Network) {
    this.key = fastKey(seed);
    this.link = link;
    this.#network = network;
  }

  get ready(): number {
    return this.#ready.length;
  }

  /** Signs until so many are ready. */
  async sign(count: number): Promise<void> {
    const missing = count - this.#ready.length;
    if (missing <= 0) return;
    const signed: Uint8Array[] = [];
    for (let i = 0; i < missing; i++) signed.push(await this.#signNext());
    this.#ready = [...signed.reverse(), ...this.#ready];
  }

  take(): Uint8Array | undefined {
    return this.#ready.pop();
  }

  /** Puts refused ones back, in the order they were taken in. */
  giveBack(transactions: readonly Uint8Array[]): void {
    this.#ready.push(...transactions.toReversed());
  }

  async #signNext(): Promise<Uint8Array> {
    const multihash = new Uint8Array(2 + SHA512_BYTES);
    randomFillSync(multihash);
    multihash.set([SHA512_CODE, SHA512_BYTES]);
    const { network, parameters } = this.#network;
    const { bytes } = await signTransaction(
      { nonce: this.#nextNonce++, fee: FEE, until: UNTIL, body: { kind: 'notarize', multihash } },
      { network, key: this.key, parameters },
    );
    return bytes;
  }
}
