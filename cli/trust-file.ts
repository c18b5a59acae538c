import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { writeDurably } from '../node/index.ts';
import { formatTrustStore, parseTrustStore, type TrustStore } from '../receipt/index.ts';
import type { Context } from './context.ts';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';

/**
 * Where pinned keys are, first match wins (T4): `--trust`, `PYRALOG_TRUST`, `.pyralog/trust.json` here or in a parent,
 * the user's own. The first two are taken at their word even when there is nothing.
 */
export function findTrustFile(context: Context, flag: string | undefined): string | undefined {
  const named = flag ?? context.environment['PYRALOG_TRUST'];
  if (named !== undefined) return resolve(context.workingDir, named);
  for (let dir = resolve(context.workingDir); ; dir = dirname(dir)) {
    const path = join(dir, '.pyralog', 'trust.json');
    if (existsSync(path)) return path;
    if (dir === dirname(dir)) break;
  }
  const own = userTrustFile(context.environment);
  return existsSync(own) ? own : undefined;
}

export function userTrustFile(environment: Context['environment']): string {
  const base = environment['XDG_CONFIG_HOME'];
  return join(
    base === undefined || base === '' ? join(homedir(), '.config') : base,
    'pyralog',
    'trust.json',
  );
}

/** @throws PyralogError `cli/no-trust`, `cli/file`, `receipt/bad-trust` */
export function readTrustFile(path: string): TrustStore {
  if (!existsSync(path)) {
    throw cliError('cli/no-trust', `${path}: there is no trust store; ${HOW_TO_TRUST}`);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
  const store = parseTrustStore(text);
  if (!store.ok) throw cliError('cli/no-trust', `${path}: ${store.message}`);
  return store.value;
}

export function writeTrustFile(path: string, store: TrustStore): void {
  mkdirSync(dirname(path), { recursive: true });
  writeDurably(path, formatTrustStore(store), { mode: 0o644, replace: true });
}

export const HOW_TO_TRUST =
  "pin the log's keys with `pyralog trust add URL` or `pyralog trust add POLICY.json`, after checking them with their owner";

export const HOW_TO_PIN_CHAIN =
  'pin the chain with `pyralog trust add URL` or `pyralog trust add genesis.json`, after checking the network id over another channel';
