import { assert } from '../base/errors.ts';
import { publicKeyEd25519, signEd25519 } from '../native/index.ts';
import { signedBytes, verifyEd25519 } from '../receipt/index.ts';

/**
 * Signs for one purpose: votes, transactions, transport (identity.md I5). Keys of different purpose are different
 * keys, and the purpose is in the signed bytes too, so that no signature can be carried over.
 */
export interface Signer {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
  /** 64 bytes over {@link signedBytes}. Asynchronous, because the key may live in a device. */
  sign(domain: string, network: string, bytes: Uint8Array): Promise<Uint8Array>;
}

/** A signer that holds its key in memory. `seed` is 32 bytes. */
export function createSeedSigner(seed: Uint8Array): Signer {
  assert(seed.length === 32, 'an Ed25519 seed has 32 bytes');
  const own = Uint8Array.from(seed);
  return {
    publicKey: publicKeyEd25519(own),
    sign: async (domain, network, bytes) => signEd25519(own, signedBytes(domain, network, bytes)),
  };
}

/** Whether `signature` is the key's over these bytes in this domain and network. */
export function verifySigned(
  signed: { domain: string; network: string; bytes: Uint8Array; signature: Uint8Array },
  publicKey: Uint8Array,
): boolean {
  const { domain, network, bytes, signature } = signed;
  return verifyEd25519(signature, signedBytes(domain, network, bytes), publicKey);
}
