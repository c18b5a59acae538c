import type { Signer } from '../consensus/index.ts';
import { signEd25519 } from '../native/index.ts';
import { signedBytes } from '../receipt/index.ts';
import type { Key } from './key-file.ts';

/** A signer over a key of this process, in native code: 20 µs a signature. */
export function nativeSigner({ publicKey, seed }: Pick<Key, 'publicKey' | 'seed'>): Signer {
  return {
    publicKey,
    sign: async (domain, network, bytes) => signEd25519(seed, signedBytes(domain, network, bytes)),
  };
}
