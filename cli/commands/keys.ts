import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { toHex } from '../../base/bytes.ts';
import {
  createKey,
  isKeyPurpose,
  KEY_PURPOSES,
  type KeySummary,
  parseKey,
  readKeyFile,
  readKeySummary,
  writeKeyFile,
} from '../../node/index.ts';
import { formatVerificationKey, verificationKey } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { passphraseOf, readPassphrase } from '../passphrase.ts';

export interface KeyFlags {
  readonly name?: string;
  /** `false` with `--no-passphrase`. */
  readonly passphrase?: boolean;
  readonly passphraseFile?: string;
  readonly secret?: string;
  readonly newPassphraseFile?: string;
}

/** `pyralog keys new PURPOSE FILE`. */
export async function keysNew(
  context: Context,
  [purpose = '', path = '']: readonly string[],
  flags: KeyFlags,
): Promise<ExitCode> {
  if (!isKeyPurpose(purpose)) {
    throw cliError('cli/usage', `${purpose}: a key's purpose is one of ${KEY_PURPOSES.join(', ')}`);
  }
  const key = createKey(purpose, flags.name ?? '');
  const passphrase =
    flags.passphrase === false ? undefined : passphraseOf(context, flags.passphraseFile);
  await writeKeyFile(path, key, passphrase);
  show(context, path, { ...key, encrypted: passphrase !== undefined });
  return EXIT.ok.code;
}

/** `pyralog keys list PATHS`: in directories, what is no key is passed over. Needs no passphrase. */
export async function keysList(context: Context, paths: readonly string[]): Promise<ExitCode> {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) throw cliError('cli/file', `${path}: no such file`);
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => name.endsWith('.json'));
    return names
      .sort()
      .map((name) => join(path, name))
      .filter((file) => mayBeKey(file));
  });
  const keys = files.map((file) => ({ file, ...readKeySummary(file) }));
  for (const { file, ...key } of keys) printKey(context, file, key);
  context.answer({ keys: keys.map(({ file, ...key }) => plain(file, key)) });
  return EXIT.ok.code;
}

/** Whatever says that it is something else is no key: validator.json and genesis.json are for everybody to read. */
function mayBeKey(file: string): boolean {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return (
      typeof found !== 'object' ||
      found === null ||
      !('pyralog' in found) ||
      found.pyralog === 'key'
    );
  } catch {
    return true; // what cannot be read is said by whoever reads it as a key
  }
}

/** `pyralog keys export FILE`: the public half, or a copy under another passphrase. */
export async function keysExport(
  context: Context,
  path: string,
  flags: KeyFlags,
): Promise<ExitCode> {
  if (flags.secret === undefined) {
    const summary = readKeySummary(path);
    context.print(verifierText(summary) ?? toHex(summary.publicKey));
    context.answer(plain(path, summary));
    return EXIT.ok.code;
  }
  const key = await readKeyFile(path, () => passphraseOf(context, flags.passphraseFile));
  // A sealed key stays sealed: under the new passphrase if one is given, else under the one that opened it.
  const sealed = readKeySummary(path).encrypted;
  const old = sealed ? passphraseOf(context, flags.passphraseFile) : undefined;
  const passphrase =
    flags.newPassphraseFile === undefined ? old : readPassphrase(flags.newPassphraseFile);
  if (passphrase === undefined) context.note(`pyralog: ${flags.secret} is not encrypted; guard it`);
  await writeKeyFile(flags.secret, key, passphrase);
  show(context, flags.secret, { ...key, encrypted: passphrase !== undefined });
  return EXIT.ok.code;
}

/** `pyralog keys import SOURCE FILE`: opens it once, so that what is taken over is known to work. */
export async function keysImport(
  context: Context,
  [source = '', path = '']: readonly string[],
  flags: KeyFlags,
): Promise<ExitCode> {
  const passphrase = () => passphraseOf(context, flags.passphraseFile);
  const key =
    source === '-'
      ? await parseKey(await readAll(process.stdin), 'standard input', passphrase)
      : await readKeyFile(source, passphrase);
  const sealedWith = passphrase();
  await writeKeyFile(path, key, sealedWith);
  show(context, path, { ...key, encrypted: sealedWith !== undefined });
  return EXIT.ok.code;
}

function show(context: Context, file: string, key: KeySummary): void {
  printKey(context, file, key);
  context.answer(plain(file, key));
}

function printKey(context: Context, file: string, key: KeySummary): void {
  const lock = key.encrypted ? 'encrypted' : 'not encrypted';
  context.print(`${file}: ${key.purpose} key of ${key.name}, ${lock}`);
  context.print(`  ${verifierText(key) ?? toHex(key.publicKey)}`);
}

/** Never the seed. */
function plain(file: string, { purpose, name, publicKey, encrypted }: KeySummary) {
  const verifier = verifierText({ purpose, name, publicKey, encrypted });
  return {
    file,
    purpose,
    name,
    publicKey,
    encrypted,
    ...(verifier && { verificationKey: verifier }),
  };
}

/** Purposes that sign notes have verification keys to pin (C3, C8). */
function verifierText({ purpose, name, publicKey }: KeySummary): string | undefined {
  if (purpose !== 'cosigning' && purpose !== 'log') return undefined;
  const type = purpose === 'log' ? 'log' : 'cosignature';
  return formatVerificationKey(verificationKey(name, type, publicKey));
}
