import { assert } from '../base/errors.ts';
import type { PeerId } from './types.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** Identity multihash (code 0, 36 bytes) of the protobuf of an Ed25519 key: type 1, data of 32 bytes. */
const PREFIX = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/**
 * The peer id of a transport key, without loading libp2p: base58btc of the identity multihash of the public key
 * (libp2p peer-ids specification, Ed25519). For whoever writes addresses of nodes that do not run yet.
 */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  assert(publicKey.length === 32, 'an Ed25519 public key has 32 bytes');
  const bytes = [...PREFIX, ...publicKey];
  let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let text = '';
  for (; number > 0n; number /= 58n) text = ALPHABET.charAt(Number(number % 58n)) + text;
  // A leading zero byte is a leading 1, and the multihash code is one.
  return `1${text}`;
}
