// SPDX-License-Identifier: Apache-2.0
/**
 * The chain in a genesis document: who votes, who owns what, and the rules (I7).
 *
 *     [engine, [[vote key, power, name, fee account] …], [[account key, balance] …],
 *      [blockBytesMax, feeBase, feePerByte, maxDelayMs, precisionMs]]
 *
 * A network whose document has none is one without a chain. Amounts are bigint, and
 * decimal strings in JSON; keys are hex there.
 */
import { fromHex, toHex } from '../base/bytes.ts';
import { isU64, isUint, parseU64 } from '../base/decimal.ts';
import { type Canonical, isHash } from './cbor.ts';
import { type Fields, fieldProblem, isFields } from './fields.ts';
import { isName } from './identity.ts';
import { accept, type Parsed, refuse } from './refusal.ts';
import type {
  ChainParameters,
  GenesisAccount,
  GenesisChain,
  GenesisValidator,
  TimeBounds,
} from './types.ts';
import { badVoteKey, validatorsProblem } from './validators.ts';

/** I7. */
export const DEFAULT_PARAMETERS: ChainParameters = {
  blockBytesMax: 1_048_576,
  feeBase: 1_000n,
  feePerByte: 10n,
  maxDelayMs: 2_000,
  precisionMs: 500,
};

/** I7: fewer than a set may have, so that blocks stay small. */
const VALIDATORS_MAX = 256;
const ACCOUNTS_MAX = 65_536;
const BALANCE_MAX = 2n ** 63n;
/** So that the fee of the longest transaction stays far below 2^63 (X3). */
const FEE_MAX = 2n ** 40n;
/** At most what one frame of a link carries beside its proposal (net.md G3, P27). */
const BLOCK_BYTES = { min: 1_024, max: 4_000_000 };
/** An hour: beyond that a time proves nothing. */
const BOUND_MS_MAX = 3_600_000;

/** Entry 4 of the genesis document (I7). */
export function chainToCbor(chain: GenesisChain): Canonical {
  const { parameters: p } = chain;
  return [
    chain.engine,
    chain.validators.map(({ key, power, name, account }) => [key, power, name, account]),
    chain.accounts.map(({ key, balance }) => [key, balance]),
    [p.blockBytesMax, p.feeBase, p.feePerByte, p.maxDelayMs, p.precisionMs],
  ];
}

/** Reads entry 4; that its encoding is the only one is for the caller to check. */
export function chainFromCbor(value: unknown): Parsed<GenesisChain> {
  const [engine, validators, accounts, parameters] = listOf(value, 4) ?? [];
  if (engine !== 'pos') return badEngine(engine);
  if (!Array.isArray(validators) || !Array.isArray(accounts)) {
    return bad('validators and accounts are lists');
  }
  const readValidators = validators.map((row: unknown) => {
    const [key, power, name, account] = listOf(row, 4) ?? [];
    return validatorOf({ key, power: bigOf(power), name, account });
  });
  const readAccounts = accounts.map((row: unknown) => {
    const [key, balance] = listOf(row, 2) ?? [];
    return accountOf({ key, balance: bigOf(balance) });
  });
  const [blockBytesMax, feeBase, feePerByte, maxDelayMs, precisionMs] = listOf(parameters, 5) ?? [];
  const read = parametersOf({
    blockBytesMax,
    feeBase: bigOf(feeBase),
    feePerByte: bigOf(feePerByte),
    maxDelayMs,
    precisionMs,
  });
  return chainOf(readValidators, readAccounts, read);
}

/** The field `chain` of `genesis.json`. */
export function chainToJson(chain: GenesisChain): Fields {
  const { parameters } = chain;
  return {
    engine: chain.engine,
    validators: chain.validators.map(({ name, key, power, account }) => ({
      name,
      key: toHex(key),
      power: String(power),
      account: toHex(account),
    })),
    accounts: chain.accounts.map(({ key, balance }) => ({
      key: toHex(key),
      balance: String(balance),
    })),
    parameters: {
      blockBytesMax: parameters.blockBytesMax,
      feeBase: String(parameters.feeBase),
      feePerByte: String(parameters.feePerByte),
      maxDelayMs: parameters.maxDelayMs,
      precisionMs: parameters.precisionMs,
    },
  };
}

/** Reads the field `chain` of `genesis.json`; no field is left out, none added. */
export function chainFromJson(value: unknown): Parsed<GenesisChain> {
  const chain = fieldsOf(value, ['engine', 'validators', 'accounts', 'parameters']);
  if (chain === undefined) return bad('has engine, validators, accounts and parameters');
  if (chain['engine'] !== 'pos') return badEngine(chain['engine']);
  const [validators, accounts] = [chain['validators'], chain['accounts']];
  if (!Array.isArray(validators) || !Array.isArray(accounts)) {
    return bad('validators and accounts are lists');
  }
  const readValidators = validators.map((row: unknown) => {
    const fields = fieldsOf(row, ['name', 'key', 'power', 'account']) ?? {};
    const [key, account] = [hexOf(fields['key']), hexOf(fields['account'])];
    return validatorOf({ key, power: decimalOf(fields['power']), name: fields['name'], account });
  });
  const readAccounts = accounts.map((row: unknown) => {
    const fields = fieldsOf(row, ['key', 'balance']) ?? {};
    return accountOf({ key: hexOf(fields['key']), balance: decimalOf(fields['balance']) });
  });
  const names = ['blockBytesMax', 'feeBase', 'feePerByte', 'maxDelayMs', 'precisionMs'];
  const parameters = fieldsOf(chain['parameters'], names) ?? {};
  const read = parametersOf({
    ...parameters,
    feeBase: decimalOf(parameters['feeBase']),
    feePerByte: decimalOf(parameters['feePerByte']),
  });
  return chainOf(readValidators, readAccounts, read);
}

/** The first rule of I7 that a chain breaks, in words. */
export function chainProblem(chain: GenesisChain): string | undefined {
  const { validators, accounts, parameters } = chain;
  if (validators.length > VALIDATORS_MAX) return `at most ${VALIDATORS_MAX} validators`;
  const set = validatorsProblem(validators) ?? badVoteKey(validators);
  if (set !== undefined) return set;
  const stranger = validators.find(({ name }) => !isName('node', name));
  if (stranger !== undefined) return `${JSON.stringify(stranger.name)} is not a node name (I1)`;
  if (new Set(validators.map(({ name }) => name)).size !== validators.length) {
    return 'a validator name stands there twice';
  }
  if (validators.some(({ account }) => !isHash(account))) return 'a fee account has 32 bytes';
  return accountsProblem(accounts) ?? parametersProblem(parameters);
}

/** The first rule of I7 that the accounts break, in words. */
export function accountsProblem(accounts: readonly GenesisAccount[]): string | undefined {
  if (accounts.length > ACCOUNTS_MAX) return `at most ${ACCOUNTS_MAX} accounts`;
  if (accounts.some(({ key }) => !isHash(key))) return 'an account key has 32 bytes';
  if (accounts.some(({ balance }) => balance < 1n)) return 'a balance is at least 1';
  const sum = accounts.reduce((all, { balance }) => all + balance, 0n);
  if (sum >= BALANCE_MAX) return 'the balances of all are below 2^63';
  const keys = accounts.map(({ key }) => toHex(key));
  return keys.every((key, i) => i === 0 || (keys[i - 1] ?? '') < key)
    ? undefined
    : 'accounts stand in the order of their keys, each once';
}

function parametersProblem(parameters: ChainParameters): string | undefined {
  const { blockBytesMax, feeBase, feePerByte } = parameters;
  if (!isUint(blockBytesMax, BLOCK_BYTES.max) || blockBytesMax < BLOCK_BYTES.min) {
    return `blockBytesMax is ${BLOCK_BYTES.min} to ${BLOCK_BYTES.max}`;
  }
  if (![feeBase, feePerByte].every((fee) => isU64(fee) && fee < FEE_MAX)) {
    return 'feeBase and feePerByte are below 2^40';
  }
  return boundsProblem(parameters);
}

/** What a trust root asks of the bounds of block times, too (F1). */
export function boundsProblem({ maxDelayMs, precisionMs }: TimeBounds): string | undefined {
  return isUint(maxDelayMs, BOUND_MS_MAX) && isUint(precisionMs, BOUND_MS_MAX)
    ? undefined
    : `maxDelayMs and precisionMs are 0 to ${BOUND_MS_MAX}`;
}

function chainOf(
  validators: readonly (GenesisValidator | undefined)[],
  accounts: readonly (GenesisAccount | undefined)[],
  parameters: ChainParameters | undefined,
): Parsed<GenesisChain> {
  const [knownValidators, knownAccounts] = [allOf(validators), allOf(accounts)];
  if (knownValidators === undefined) return bad('a validator is name, key, power and fee account');
  if (knownAccounts === undefined) return bad('an account is key and balance');
  if (parameters === undefined) {
    return bad('parameters are blockBytesMax, feeBase, feePerByte, maxDelayMs and precisionMs');
  }
  const chain: GenesisChain = {
    engine: 'pos',
    validators: knownValidators,
    accounts: knownAccounts,
    parameters,
  };
  const problem = chainProblem(chain);
  return problem === undefined ? accept(chain) : bad(problem);
}

function validatorOf({ key, power, name, account }: Fields): GenesisValidator | undefined {
  const typed = isHash(key) && isHash(account) && isU64(power) && typeof name === 'string';
  return typed ? { key, power, name, account } : undefined;
}

function accountOf({ key, balance }: Fields): GenesisAccount | undefined {
  return isHash(key) && isU64(balance) ? { key, balance } : undefined;
}

function parametersOf(parameters: Fields): ChainParameters | undefined {
  const { blockBytesMax, feeBase, feePerByte, maxDelayMs, precisionMs } = {
    blockBytesMax: undefined,
    feeBase: undefined,
    feePerByte: undefined,
    maxDelayMs: undefined,
    precisionMs: undefined,
    ...parameters,
  };
  if (!isUint(blockBytesMax) || !isUint(maxDelayMs) || !isUint(precisionMs)) return undefined;
  if (!isU64(feeBase) || !isU64(feePerByte)) return undefined;
  return { blockBytesMax, feeBase, feePerByte, maxDelayMs, precisionMs };
}

function allOf<T>(values: readonly (T | undefined)[]): T[] | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length ? known : undefined;
}

function listOf(value: unknown, length: number): readonly unknown[] | undefined {
  return Array.isArray(value) && value.length === length ? value : undefined;
}

function fieldsOf(value: unknown, names: readonly string[]): Fields | undefined {
  return isFields(value) && fieldProblem(value, names) === undefined ? value : undefined;
}

/** CBOR readers give a number up to 2^53 − 1 and a bigint above. */
function bigOf(value: unknown): bigint | undefined {
  if (isUint(value)) return BigInt(value);
  return isU64(value) ? value : undefined;
}

function decimalOf(value: unknown): bigint | undefined {
  return typeof value === 'string' ? parseU64(value) : undefined;
}

function hexOf(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' ? fromHex(value) : undefined;
}

function badEngine(engine: unknown): Parsed<never> {
  return typeof engine === 'string'
    ? bad(`engine ${JSON.stringify(engine)} is not known; this version knows "pos"`)
    : bad('engine is a text');
}

function bad(what: string): Parsed<never> {
  return refuse('receipt/bad-genesis', `genesis, chain: ${what}`);
}
