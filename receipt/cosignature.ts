// SPDX-License-Identifier: Apache-2.0
/**
 * Signatures on notes: making and checking them (C3, C4, C8).
 *
 * A replica cosigns with a timestamp; the log key signs the SHA-256 note plainly.
 * Private keys never come here: a signer is a function from bytes to 64 bytes.
 */
import { concat, toHex, toUtf8 } from '../base/bytes.ts';
import { isUint } from '../base/decimal.ts';
import { assert } from '../base/errors.ts';
import { verifyEd25519 } from './ed25519.ts';
import { accept, type Parsed, refuse } from './refusal.ts';
import type { Note, NoteSignature, Signer, VerificationKey } from './types.ts';

/** Ed25519 over exactly these bytes; returns 64 bytes. */
export type SignFunction = (message: Uint8Array) => Uint8Array;

const TIMESTAMP_BYTES = 8;
const ED25519_BYTES = 64;

/** What a `cosignature/v1` covers: a tag, the time in Unix seconds, the body (C3). */
export function cosignatureMessage(body: string, timeSeconds: number): Uint8Array {
  return toUtf8(`cosignature/v1\ntime ${timeSeconds}\n${body}`);
}

/** A replica's signature line over `body` at `timeSeconds`, Unix seconds (C3). */
export function cosign(
  body: string,
  key: VerificationKey,
  timeSeconds: number,
  sign: SignFunction,
): NoteSignature {
  assert(key.type === 'cosignature', 'replicas cosign with cosignature keys (C3)');
  assert(isUint(timeSeconds), 'a cosignature time is whole Unix seconds (C3)');
  const timestamp = new Uint8Array(TIMESTAMP_BYTES);
  new DataView(timestamp.buffer).setBigUint64(0, BigInt(timeSeconds));
  const signature = concat(timestamp, sign(cosignatureMessage(body, timeSeconds)));
  return { name: key.name, keyId: key.keyId, signature };
}

/** The log key's signature line over the body of the SHA-256 note (C8). */
export function signLogNote(body: string, key: VerificationKey, sign: SignFunction): NoteSignature {
  assert(key.type === 'log', 'the SHA-256 note is signed with a log key (C8)');
  return { name: key.name, keyId: key.keyId, signature: sign(toUtf8(body)) };
}

/**
 * Who of `keys` signed the note (C4).
 *
 * Lines of unknown keys are passed over. One line of a known key that does not
 * verify makes the whole note invalid: whoever made it cannot be trusted with the
 * rest. A key that signed twice counts once, with its first time.
 */
export function verifyNote(note: Note, keys: readonly VerificationKey[]): Parsed<Signer[]> {
  const signers = new Map<VerificationKey, Signer>();
  // A line repeated is checked once: 64 copies of one signature must not cost 64 verifications.
  const seen = new Set<string>();
  for (const line of note.signatures) {
    const key = keys.find(({ name, keyId }) => name === line.name && keyId === line.keyId);
    const text = `${line.name} ${line.keyId} ${toHex(line.signature)}`;
    if (key === undefined || seen.has(text)) continue;
    seen.add(text);
    const timeSeconds = verifyLine(note.body, line.signature, key);
    if (timeSeconds === undefined) {
      return refuse(
        'receipt/bad-signature',
        `the signature of ${key.name} (key ${key.keyId}) does not verify`,
      );
    }
    if (!signers.has(key)) signers.set(key, { name: key.name, keyId: key.keyId, timeSeconds });
  }
  return accept([...signers.values()]);
}

/** Unix seconds of a signature that verifies, 0 for a log key's. */
function verifyLine(body: string, bytes: Uint8Array, key: VerificationKey): number | undefined {
  const signature = bytes.subarray(-ED25519_BYTES);
  if (key.type === 'log') {
    const valid =
      bytes.length === ED25519_BYTES && verifyEd25519(signature, toUtf8(body), key.publicKey);
    return valid ? 0 : undefined;
  }
  if (bytes.length !== TIMESTAMP_BYTES + ED25519_BYTES) return undefined;
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
  const valid =
    isUint(time) && verifyEd25519(signature, cosignatureMessage(body, time), key.publicKey);
  return valid ? time : undefined;
}
