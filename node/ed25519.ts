import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** PKCS #8 wrappers of a raw 32-byte private key (RFC 8410 §7), which is all that differs between the curves. */
const PKCS8 = {
  ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
  x25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
} as const;

export type KeyAlgorithm = keyof typeof PKCS8;

/** The 32-byte public key of a 32-byte seed (x25519: of a private scalar). */
export function publicKeyOf(algorithm: KeyAlgorithm, seed: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(algorithm, seed)).export({ type: 'spki', format: 'der' });
  return new Uint8Array(der.subarray(-32));
}

function privateKey(algorithm: KeyAlgorithm, seed: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8[algorithm], seed]),
    format: 'der',
    type: 'pkcs8',
  });
}
