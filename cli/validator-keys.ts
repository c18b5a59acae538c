/**
 * The keys of a validator before its network exists. A genesis names the vote keys of its validators, and key files name their
 * network by the genesis: so the keys are made first, under the bare network name, and `join` writes them again under the
 * network id. From then on the vote key has a slashing protection, and these here must not make a second one (cli.md E10, pos.md P26).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../base/bytes.ts';
import { createKey, type Key, readKeyFile, writeKeyFile } from '../node/index.ts';
import { cliError } from './errors.ts';
import { bad, readDocument, writeDocument } from './genesis-draft.ts';
import { makeDir } from './make-dir.ts';
import { checkName } from './names.ts';

const PURPOSES = ['vote', 'transaction', 'transport'] as const;
export type ValidatorPurpose = (typeof PURPOSES)[number];

/** What an operator hands to whoever makes the genesis: nothing secret. */
export interface ValidatorLine {
  readonly network: string;
  readonly cluster: string;
  readonly name: string;
  readonly voteKey: string;
  /** Account that the fees of its blocks go to, and that pays for its anchors. */
  readonly account: string;
  readonly transportKey: string;
}

export interface ValidatorKeys {
  readonly line: ValidatorLine;
  readonly keys: Readonly<Record<ValidatorPurpose, Key>>;
}

export interface ValidatorPaths {
  readonly dir: string;
  readonly line: string;
  /** Says where the keys went to work. */
  readonly used: string;
}

export function validatorPaths(root: string): ValidatorPaths {
  const dir = join(root, 'validator');
  return { dir, line: join(dir, 'validator.json'), used: join(dir, 'used.json') };
}

/**
 * Makes vote, transaction and transport key, and the line for the genesis. An interrupted run is gone on with.
 *
 * @throws PyralogError `cli/usage` on names that are none (I1), `cli/file` when there is a validator already
 */
export async function makeValidatorKeys(
  root: string,
  names: { readonly network: string; readonly cluster: string; readonly name: string },
  passphrase: string | undefined,
): Promise<ValidatorLine> {
  const { network, cluster, name } = names;
  for (const [kind, text] of [
    ['network', network],
    ['node', name],
    ['cluster', cluster],
  ] as const) {
    checkName(kind, text);
  }
  const paths = validatorPaths(root);
  if (existsSync(paths.line)) {
    throw cliError('cli/file', `${paths.line}: exists already; nothing was changed`);
  }
  makeDir(paths.dir, 0o700);
  // A replica's key name, but for the network's id, which is not there yet (I4).
  const keyName = `pyralog/${network}/${cluster}/${name}`;
  for (const purpose of PURPOSES) {
    const path = join(paths.dir, `${purpose}.json`);
    if (existsSync(path)) continue;
    await writeKeyFile(path, createKey(purpose, keyName), passphrase);
  }
  const keys = await readAll(paths, passphrase);
  const line: ValidatorLine = {
    ...names,
    voteKey: toHex(keys.vote.publicKey),
    account: toHex(keys.transaction.publicKey),
    transportKey: toHex(keys.transport.publicKey),
  };
  writeDocument(paths.line, { pyralog: 'validator', version: 1, ...line }, false);
  return line;
}

/** Undefined when the directory has no validator keys. @throws PyralogError of key files, `cli/bad-draft` */
export async function readValidatorKeys(
  root: string,
  passphrase: string | undefined,
): Promise<ValidatorKeys | undefined> {
  const paths = validatorPaths(root);
  if (!existsSync(paths.line)) return undefined;
  const line = readValidatorLine(paths.line);
  const keys = await readAll(paths, passphrase);
  if (toHex(keys.vote.publicKey) === line.voteKey) return { line, keys };
  throw bad(paths.line, 'names another vote key than the one beside it');
}

export function readValidatorLine(path: string): ValidatorLine {
  const value = readDocument(path, 'validator');
  const text = (name: keyof ValidatorLine) => {
    const field = value[name];
    if (typeof field === 'string') return field;
    throw bad(path, `${name} is a text`);
  };
  return {
    network: text('network'),
    cluster: text('cluster'),
    name: text('name'),
    voteKey: text('voteKey'),
    account: text('account'),
    transportKey: text('transportKey'),
  };
}

/** Where these keys may go to work: nowhere yet, or a place that an interrupted `join` was making. */
export function claimValidatorKeys(
  paths: ValidatorPaths,
  place: { readonly networkId: string; readonly dataDir: string },
): void {
  if (!existsSync(paths.used)) {
    writeDocument(paths.used, { pyralog: 'validator-used', version: 1, ...place }, false);
    return;
  }
  const { networkId, dataDir } = readDocument(paths.used, 'validator-used') as Record<
    string,
    unknown
  >;
  if (networkId === place.networkId && dataDir === place.dataDir) return;
  throw cliError(
    'cli/key-used',
    `the vote key in ${paths.dir} went to work on ${String(networkId)} in ${String(dataDir)}: it may have signed. Bring consensus/ of that directory along, or make a new validator with \`pyralog init --validator\``,
  );
}

async function readAll(paths: ValidatorPaths, passphrase: string | undefined) {
  const read = (purpose: ValidatorPurpose) =>
    readKeyFile(join(paths.dir, `${purpose}.json`), () => passphrase);
  const [vote, transaction, transport] = await Promise.all(PURPOSES.map(read));
  if (!vote || !transaction || !transport) throw new Error('a validator has three keys');
  return { vote, transaction, transport };
}
