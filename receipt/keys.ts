// SPDX-License-Identifier: Apache-2.0
/**
 * Verification keys as people pass them around (C3, C8):
 *
 *     pyralog/devnet-00112233aabbccdd/local/node-0+0cede096+BBdg…
 *     key name                                    +key id  +base64(type byte ‖ public key)
 *
 * The key id is a hash of name, type and key, so a line of this form cannot be
 * changed by accident without being noticed.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, fromBase64, toBase64, toHex, toUtf8 } from '../base/bytes.ts';
import { PyralogError } from '../base/errors.ts';
import { isPublicKey } from './ed25519.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { VerificationKey } from './types.ts';

/** Type bytes of C2SP signed notes. */
const TYPES = { log: 0x01, cosignature: 0x04 } as const;

/** I4. */
export const KEY_NAME_BYTES_MAX = 255;

/** A key name: visible characters, no spaces, no plus signs, at most 255 bytes (I4). */
export function isKeyName(name: string): boolean {
  return (
    /^[^\s+\p{Cc}]+$/u.test(name) &&
    name.isWellFormed() &&
    toUtf8(name).length <= KEY_NAME_BYTES_MAX
  );
}

/** Makes a key from its parts. Throws `receipt/bad-key`. */
export function verificationKey(
  name: string,
  type: VerificationKey['type'],
  publicKey: Uint8Array,
): VerificationKey {
  const key = checkedKey(name, type, publicKey);
  if (!key.ok) throw new PyralogError<RefusalCode>(key.code, key.message);
  return key.value;
}

/** Reads `<name>+<key id>+<base64>` (C3). */
export function parseVerificationKey(text: string): Parsed<VerificationKey> {
  const [, name = '', keyId = '', encoded = ''] = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(text) ?? [];
  const bytes = fromBase64(encoded);
  if (bytes?.length !== 33) {
    return bad(text, 'is not <name>+<key id, 8 hex>+<base64 of type and public key>');
  }
  const type = bytes[0] === TYPES.log ? 'log' : bytes[0] === TYPES.cosignature && 'cosignature';
  if (!type) return bad(text, `has key type ${bytes[0]}; known are 1 (log) and 4 (cosignature)`);
  const key = checkedKey(name, type, bytes.slice(1));
  if (!key.ok || key.value.keyId === keyId) return key;
  return bad(text, `states key id ${keyId}, but name and key make ${key.value.keyId}`);
}

/** `<name>+<key id>+<base64>` (C3). */
export function formatVerificationKey(key: VerificationKey): string {
  return `${key.name}+${key.keyId}+${toBase64(typedKey(key.type, key.publicKey))}`;
}

function checkedKey(
  name: string,
  type: VerificationKey['type'],
  publicKey: Uint8Array,
): Parsed<VerificationKey> {
  if (!isKeyName(name)) {
    return bad(name, 'needs a name without spaces and plus signs, at most 255 bytes');
  }
  if (!isPublicKey(publicKey)) {
    return bad(name, 'is not 32 bytes of a canonical Ed25519 point of large order (C5)');
  }
  // Key id (C3, C8): first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
  const hash = sha256(concat(toUtf8(`${name}\n`), typedKey(type, publicKey)));
  return accept({ name, type, keyId: toHex(hash.subarray(0, 4)), publicKey });
}

function typedKey(type: VerificationKey['type'], publicKey: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(TYPES[type]), publicKey);
}

function bad(key: string, what: string): Refusal {
  return refuse('receipt/bad-key', `verification key ${JSON.stringify(key)} ${what}`);
}
