import { createPrivateKey, createPublicKey } from 'node:crypto';

/** PKCS #8 wrapper of a raw Ed25519 seed (RFC 8410 §7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Seed and public key, as libp2p writes an Ed25519 key. Its own derivation is JavaScript and takes 40 ms of a node's start. */
export function transportKey(seed: Uint8Array): Uint8Array {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return new Uint8Array([...seed, ...spki.subarray(-32)]);
}
