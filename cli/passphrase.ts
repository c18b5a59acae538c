import { readFileSync } from 'node:fs';
import type { Context } from './context.ts';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';

/** The passphrase of a key file (keyfile.md K5): from the file that was named, else from `PYRALOG_PASSPHRASE`. */
export function passphraseOf(context: Context, file: string | undefined): string | undefined {
  return file === undefined ? context.environment['PYRALOG_PASSPHRASE'] : readPassphrase(file);
}

/** @throws PyralogError `cli/file` */
export function readPassphrase(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw cliError('cli/file', `${file}: cannot be read (${reasonOf(error)})`, error);
  }
}
