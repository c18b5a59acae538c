/**
 * A genesis in the making: a JSON file that the operators of a network pass around and add to, until one of them makes the
 * genesis document of it (cli.md E9, identity.md I7). It has no time and no salt, and so no network id.
 */
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '../base/bytes.ts';
import { isUint, parseU64 } from '../base/decimal.ts';
import { writeDurably } from '../node/index.ts';
import {
  accountsProblem,
  type ChainParameters,
  chainProblem,
  compareValidators,
  type GenesisChain,
} from '../receipt/index.ts';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';

type GenesisValidator = GenesisChain['validators'][number];
type GenesisAccount = GenesisChain['accounts'][number];

export interface GenesisDraft {
  readonly network: string;
  readonly parameters: ChainParameters;
  readonly validators: readonly GenesisValidator[];
  readonly accounts: readonly GenesisAccount[];
}

/** Far above 256 validators and 65,536 accounts. */
const FILE_BYTES_MAX = 16_000_000;

type Fields = Readonly<Record<string, unknown>>;

/** @throws PyralogError `cli/file`, `cli/bad-draft` */
export function readDraft(path: string): GenesisDraft {
  const value = readDocument(path, 'genesis-draft');
  const { network, parameters, validators, accounts } = value as Record<
    'network' | 'parameters' | 'validators' | 'accounts',
    unknown
  >;
  if (typeof network !== 'string') throw bad(path, 'network is a text');
  if (!Array.isArray(validators) || !Array.isArray(accounts)) {
    throw bad(path, 'validators and accounts are lists');
  }
  return {
    network,
    parameters: readParameters(path, parameters),
    validators: validators.map((row: unknown, i) => readValidator(path, i, fieldsOf(row))),
    accounts: accounts.map((row: unknown, i) => readAccount(path, i, fieldsOf(row))),
  };
}

/** With `replace: false` an existing file is left alone. @throws PyralogError `cli/file` */
export function writeDraft(path: string, draft: GenesisDraft, replace: boolean): void {
  const { network, parameters, validators, accounts } = draft;
  const document = {
    pyralog: 'genesis-draft',
    version: 1,
    network,
    parameters: {
      ...parameters,
      feeBase: `${parameters.feeBase}`,
      feePerByte: `${parameters.feePerByte}`,
    },
    validators: validators.map(({ name, key, power, account }) => ({
      name,
      key: toHex(key),
      power: `${power}`,
      account: toHex(account),
    })),
    accounts: accounts.map(({ key, balance }) => ({ key: toHex(key), balance: `${balance}` })),
  };
  writeDocument(path, document, replace);
}

/** The chain that a draft makes, everything in its order (I7, P1). */
export function chainOfDraft({ parameters, validators, accounts }: GenesisDraft): GenesisChain {
  return {
    engine: 'pos',
    validators: validators.toSorted(compareValidators),
    accounts: accounts.toSorted((a, b) => Buffer.compare(a.key, b.key)),
    parameters,
  };
}

/**
 * The first rule that a network of this draft would break (I7, P1): said when it is broken, not when everybody has added
 * to it. A draft without validators breaks none by that.
 */
export function draftProblem(draft: GenesisDraft): string | undefined {
  const chain = chainOfDraft(draft);
  return chain.validators.length === 0 ? accountsProblem(chain.accounts) : chainProblem(chain);
}

/** A JSON object of this kind. @throws PyralogError `cli/file`, `cli/bad-draft` */
export function readDocument(path: string, kind: string): Fields {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
  const value = text.length > FILE_BYTES_MAX ? {} : fieldsOf(parseJson(text));
  if (value['pyralog'] === kind && value['version'] === 1) return value;
  throw bad(path, `is no ${kind} of version 1`);
}

/** @throws PyralogError `cli/file` */
export function writeDocument(path: string, document: Fields, replace: boolean): void {
  try {
    writeDurably(path, `${JSON.stringify(document, null, 2)}\n`, { mode: 0o644, replace });
  } catch (error) {
    const there = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = there
      ? 'exists already; nothing was changed'
      : `cannot be written (${reasonOf(error)})`;
    throw cliError('cli/file', `${path}: ${why}`, error);
  }
}

function readParameters(path: string, value: unknown): ChainParameters {
  const fields = fieldsOf(value);
  const [feeBase, feePerByte] = [decimalOf(fields['feeBase']), decimalOf(fields['feePerByte'])];
  const { blockBytesMax, maxDelayMs, precisionMs } = {
    blockBytesMax: fields['blockBytesMax'],
    maxDelayMs: fields['maxDelayMs'],
    precisionMs: fields['precisionMs'],
  };
  if (!isUint(blockBytesMax) || !isUint(maxDelayMs) || !isUint(precisionMs)) {
    throw bad(path, 'blockBytesMax, maxDelayMs and precisionMs are whole numbers');
  }
  if (feeBase === undefined || feePerByte === undefined) {
    throw bad(path, 'feeBase and feePerByte are decimal texts');
  }
  return { blockBytesMax, feeBase, feePerByte, maxDelayMs, precisionMs };
}

function readValidator(path: string, index: number, fields: Fields): GenesisValidator {
  const [key, account] = [hashOf(fields['key']), hashOf(fields['account'])];
  const power = decimalOf(fields['power']);
  const name = fields['name'];
  if (key && account && power !== undefined && typeof name === 'string') {
    return { name, key, power, account };
  }
  throw bad(path, `validator ${index} has name, key, power and account`);
}

function readAccount(path: string, index: number, fields: Fields): GenesisAccount {
  const key = hashOf(fields['key']);
  const balance = decimalOf(fields['balance']);
  if (key && balance !== undefined) return { key, balance };
  throw bad(path, `account ${index} has key and balance`);
}

function hashOf(value: unknown): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

function decimalOf(value: unknown): bigint | undefined {
  return typeof value === 'string' ? parseU64(value) : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what the file should be
  }
}

export function bad(path: string, what: string) {
  return cliError('cli/bad-draft', `${path}: ${what}`);
}
