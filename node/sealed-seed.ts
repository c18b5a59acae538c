import { randomBytes, scrypt } from 'node:crypto';
import { fromHex, toHex } from '../base/bytes.ts';

/** A seed under a passphrase (docs/spec/keyfile.md K5): scrypt (RFC 7914), then XChaCha20-Poly1305. Bytes are hex. */
export interface SealedSeed {
  readonly kdf: 'scrypt';
  /** log2 of scrypt's N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly cipher: 'xchacha20-poly1305';
  readonly nonce: string;
  readonly data: string;
}

// 64 MiB and a quarter of a second: the interactive settings of RFC 7914 doubled twice, still fine for a node's start.
const LOG_N = 16;
const R = 8;
const P = 1;
/** Bounds for files that came from elsewhere: 1 GiB at most. */
const LOG_N_MAX = 20;
const NONCE_BYTES = 24;
const SALT_BYTES = 32;

export function isSealed(value: unknown): value is SealedSeed {
  if (typeof value !== 'object' || value === null) return false;
  const { kdf, logN, r, p, salt, cipher, nonce, data } = value as Partial<SealedSeed>;
  return (
    kdf === 'scrypt' &&
    cipher === 'xchacha20-poly1305' &&
    Number.isInteger(logN) &&
    Number(logN) >= 14 &&
    Number(logN) <= LOG_N_MAX &&
    r === R &&
    p === P &&
    isHexOf(salt, SALT_BYTES) &&
    isHexOf(nonce, NONCE_BYTES) &&
    typeof data === 'string' &&
    fromHex(data) !== undefined
  );
}

/** `bound` is authenticated with the seed but not hidden. */
export async function sealSeed(
  seed: Uint8Array,
  passphrase: string,
  bound: Uint8Array,
): Promise<SealedSeed> {
  const { xchacha20poly1305 } = await import('@noble/ciphers/chacha.js');
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const key = await stretch(passphrase, salt, LOG_N);
  const data = xchacha20poly1305(key, nonce, bound).encrypt(seed);
  return {
    kdf: 'scrypt',
    logN: LOG_N,
    r: R,
    p: P,
    salt: toHex(salt),
    cipher: 'xchacha20-poly1305',
    nonce: toHex(nonce),
    data: toHex(data),
  };
}

/** `undefined` when the passphrase is wrong or anything was changed. */
export async function openSeed(
  sealed: SealedSeed,
  passphrase: string,
  bound: Uint8Array,
): Promise<Uint8Array | undefined> {
  const { xchacha20poly1305 } = await import('@noble/ciphers/chacha.js');
  const key = await stretch(passphrase, Buffer.from(sealed.salt, 'hex'), sealed.logN);
  const cipher = xchacha20poly1305(key, Buffer.from(sealed.nonce, 'hex'), bound);
  try {
    return cipher.decrypt(Buffer.from(sealed.data, 'hex'));
  } catch {
    return undefined; // the tag does not fit: the one thing decryption reports
  }
}

function stretch(passphrase: string, salt: Uint8Array, logN: number): Promise<Uint8Array> {
  const options = { N: 2 ** logN, r: R, p: P, maxmem: 2 ** logN * R * 128 + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, options, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    );
  });
}

function isHexOf(value: unknown, bytes: number): boolean {
  return typeof value === 'string' && fromHex(value)?.length === bytes;
}
