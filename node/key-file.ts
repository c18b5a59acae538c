import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { equalBytes, fromHex, toHex } from '../base/bytes.ts';
import { writeDurablyAsync } from './durable-file.ts';
import { type KeyAlgorithm, publicKeyOf } from './ed25519.ts';
import { nodeError, systemCode } from './errors.ts';
import { isSealed, openSeed, type SealedSeed, sealSeed } from './sealed-seed.ts';

/** What a key may be used for; a key has one purpose (I5). */
export const KEY_PURPOSES = [
  'cosigning',
  'log',
  'vote',
  'transaction',
  'transport',
  'tunnel',
] as const;

export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/** A private key in memory (docs/spec/keyfile.md K1). */
export interface Key {
  readonly purpose: KeyPurpose;
  /** Whose key it is, such as `pyralog/<network id>/<cluster>/<node>` (I4). */
  readonly name: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. Never logged, never in an error. */
  readonly seed: Uint8Array;
}

/** What a key file shows without its passphrase. */
export interface KeySummary {
  readonly purpose: KeyPurpose;
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly encrypted: boolean;
}

const VERSION = 1;
const SEED_BYTES = 32;
/** A key file is under a kilobyte; anything far longer is something else. */
const FILE_BYTES_MAX = 4_096;
const FIELDS = ['pyralog', 'version', 'purpose', 'name', 'algorithm', 'publicKey'];

interface KeyDocument {
  readonly summary: KeySummary;
  readonly seed: Uint8Array | SealedSeed;
}

/** Ed25519 for signatures, X25519 for the tunnel's key agreement (K1). */
export function keyAlgorithm(purpose: KeyPurpose): KeyAlgorithm {
  return purpose === 'tunnel' ? 'x25519' : 'ed25519';
}

export function isKeyPurpose(text: string): text is KeyPurpose {
  return KEY_PURPOSES.some((purpose) => purpose === text);
}

/** A new random key, or the one that a given seed makes. */
export function createKey(purpose: KeyPurpose, name: string, seed?: Uint8Array): Key {
  if (!/^[^\s\p{Cc}+]{1,255}$/u.test(name)) {
    throw nodeError(
      'node/bad-key',
      `key name ${JSON.stringify(name)}: no spaces or plus signs (I4)`,
    );
  }
  const secret = seed ?? new Uint8Array(randomBytes(SEED_BYTES));
  if (secret.length !== SEED_BYTES) {
    throw nodeError('node/bad-key', `a seed has ${SEED_BYTES} bytes, not ${secret.length}`);
  }
  return { purpose, name, publicKey: publicKeyOf(keyAlgorithm(purpose), secret), seed: secret };
}

/**
 * Writes one key, readable by its owner alone (K2), encrypted when there is a passphrase (K5). Never replaces a file:
 * a lost key cannot be made again.
 *
 * @throws NodeError `node/bad-key` when the file exists
 */
export async function writeKeyFile(path: string, key: Key, passphrase?: string): Promise<void> {
  try {
    const text = await formatKey(key, passphrase);
    await writeDurablyAsync(path, text, { mode: 0o600, replace: false });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw nodeError('node/bad-key', `${path}: there is a key file already; it is never replaced`);
  }
}

/** As {@link writeKeyFile}, in place of what an interrupted start left: for keys that are derived and come out the same. */
export async function writeKeyFileAnew(path: string, key: Key): Promise<void> {
  await writeDurablyAsync(path, await formatKey(key), { mode: 0o600, replace: true });
}

/** The text of a key file (K1, K5). */
export async function formatKey(key: Key, passphrase?: string): Promise<string> {
  const head = {
    pyralog: 'key',
    version: VERSION,
    purpose: key.purpose,
    name: key.name,
    algorithm: keyAlgorithm(key.purpose),
    publicKey: toHex(key.publicKey),
  };
  const secret =
    passphrase === undefined
      ? { seed: toHex(key.seed) }
      : { sealed: await sealSeed(key.seed, passphrase, boundTo(key)) };
  return `${JSON.stringify({ ...head, ...secret }, null, 2)}\n`;
}

/** Purpose, name and public key of a file; needs no passphrase. Refuses as {@link readKeyFile} does. */
export function readKeySummary(path: string): KeySummary {
  return parseKeyDocument(readOwnFile(path), path).summary;
}

/**
 * Reads one key. `passphrase` is asked for only when the file is encrypted.
 *
 * @throws NodeError `node/bad-key` (malformed, readable by others, a public key that is not the seed's),
 *   `node/passphrase` (missing or wrong)
 */
export async function readKeyFile(
  path: string,
  passphrase?: () => string | undefined,
): Promise<Key> {
  return parseKey(readOwnFile(path), path, passphrase);
}

/** Reads the text of a key file; `source` is for messages. Errors as {@link readKeyFile}. */
export async function parseKey(
  text: string,
  source: string,
  passphrase?: () => string | undefined,
): Promise<Key> {
  const { summary, seed } = parseKeyDocument(text, source);
  const { purpose, name, publicKey } = summary;
  const opened = isSealed(seed) ? await unseal({ seed, summary, source }, passphrase?.()) : seed;
  // K4: a seed that is not the public key's would sign what nobody can verify.
  if (!equalBytes(publicKeyOf(keyAlgorithm(purpose), opened), publicKey)) {
    throw nodeError('node/bad-key', `${source}: the public key is not the one of this seed`);
  }
  return { purpose, name, publicKey, seed: opened };
}

async function unseal(
  { seed, summary, source }: { seed: SealedSeed; summary: KeySummary; source: string },
  passphrase: string | undefined,
): Promise<Uint8Array> {
  if (passphrase === undefined) {
    throw nodeError(
      'node/passphrase',
      `${source}: encrypted; set PYRALOG_PASSPHRASE, or name a file that holds the passphrase (--passphrase-file, of a node the setting passphraseFile)`,
    );
  }
  const opened = await openSeed(seed, passphrase, boundTo(summary));
  if (opened?.length === SEED_BYTES) return opened;
  throw nodeError('node/passphrase', `${source}: wrong passphrase, or the file was changed`);
}

/** What the encryption vouches for beside the seed (K5): a sealed seed cannot be moved under another name or purpose. */
function boundTo({ purpose, name, publicKey }: Omit<KeySummary, 'encrypted'>): Uint8Array {
  return Buffer.from(`pyralog key v1\n${purpose}\n${name}\n${toHex(publicKey)}\n`);
}

/** Text of a file that only its owner can read (K3). The check is on the open file, so it cannot be swapped between. */
function readOwnFile(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw nodeError('node/bad-key', `${path}: cannot be read (${systemCode(error)})`, {
      cause: error,
    });
  }
  try {
    const { mode, size } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      if (
        size <= FILE_BYTES_MAX &&
        parseObject(readFileSync(file, 'utf8'))?.['pyralog'] !== 'key'
      ) {
        throw nodeError('node/bad-key', `${path}: not a pyralog key file`);
      }
      const bits = (mode & 0o777).toString(8);
      throw nodeError(
        'node/bad-key',
        `${path}: others may read it (mode ${bits}); run chmod 600 on it, and replace the key if somebody did`,
      );
    }
    if (size > FILE_BYTES_MAX) throw nodeError('node/bad-key', `${path}: too long for a key file`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function parseKeyDocument(text: string, source: string): KeyDocument {
  const bad = (what: string) => nodeError('node/bad-key', `${source}: ${what}`);
  const document = parseObject(text);
  if (document?.['pyralog'] !== 'key') throw bad('not a pyralog key file');
  const { version, purpose, name, algorithm, publicKey, seed, sealed } = document;
  if (version !== VERSION) throw bad(`key file version ${version} is not known; update pyralog`);
  const stranger = Object.keys(document).find(
    (key) => ![...FIELDS, 'seed', 'sealed'].includes(key),
  );
  if (stranger !== undefined) throw bad(`unknown field ${JSON.stringify(stranger)}`);
  if (typeof purpose !== 'string' || !isKeyPurpose(purpose)) {
    throw bad(`purpose must be one of ${KEY_PURPOSES.join(', ')}`);
  }
  if (algorithm !== keyAlgorithm(purpose))
    throw bad(`a ${purpose} key is ${keyAlgorithm(purpose)}`);
  const key = hex32(publicKey);
  if (typeof name !== 'string' || key === undefined) throw bad('needs a name and a public key');
  const secret = isSealed(sealed) ? sealed : hex32(seed);
  if (secret === undefined || (seed === undefined) === (sealed === undefined)) {
    throw bad('needs a seed of 32 bytes in hex, or a sealed one');
  }
  return { summary: { purpose, name, publicKey: key, encrypted: isSealed(secret) }, seed: secret };
}

function hex32(value: unknown): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined; // not JSON: the caller says what the file should be
  }
}
