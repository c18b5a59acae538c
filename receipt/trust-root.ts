// SPDX-License-Identifier: Apache-2.0
/**
 * Pinned chains in the trust store (F1, T5).
 */
import { fromHex, toHex } from '../base/bytes.ts';
import { isU64, isUint, parseSafe, parseU64 } from '../base/decimal.ts';
import { type Fields, fieldProblem, isFields } from './fields.ts';
import { boundsProblem } from './genesis-chain.ts';
import { isName, isNetworkId } from './identity.ts';
import { accept, type Parsed, type Refusal, refuse } from './refusal.ts';
import type { TrustRoot, Validator } from './types.ts';
import { badVoteKey, validatorsProblem } from './validators.ts';

/** An entry of `chains` (T5). */
export function trustRootToJson(root: TrustRoot): Fields {
  return {
    network: root.network,
    height: String(root.height),
    validators: root.validators.map(({ name, key, power }) => ({
      name,
      key: toHex(key),
      power: String(power),
    })),
    maxDelayMs: root.maxDelayMs,
    precisionMs: root.precisionMs,
  };
}

/** Reads an entry of `chains`; fields in any order, none left out, none added (T5). */
export function trustRootFromJson(value: unknown): Parsed<TrustRoot> {
  if (!isFields(value)) return bad('chains is a list of objects');
  const problem = fieldProblem(value, [
    'network',
    'height',
    'validators',
    'maxDelayMs',
    'precisionMs',
  ]);
  if (problem !== undefined) return bad(`chain: ${problem}`);
  const { network, maxDelayMs, precisionMs } = {
    network: undefined,
    maxDelayMs: undefined,
    precisionMs: undefined,
    ...value,
  };
  const height = typeof value['height'] === 'string' ? parseSafe(value['height']) : undefined;
  if (typeof network !== 'string' || height === undefined) {
    return bad('chain: network is a text, height a decimal string');
  }
  if (!isUint(maxDelayMs) || !isUint(precisionMs)) {
    return bad('chain: maxDelayMs and precisionMs are numbers');
  }
  const list: readonly unknown[] = Array.isArray(value['validators']) ? value['validators'] : [];
  const validators: Validator[] = [];
  for (const entry of list) {
    const validator = validatorFromJson(entry);
    if (validator === undefined) {
      return bad(`chain ${network}: a validator is name, key in hex and power as decimal string`);
    }
    validators.push(validator);
  }
  return accept({ network, height, validators, maxDelayMs, precisionMs });
}

function validatorFromJson(value: unknown): Validator | undefined {
  if (!isFields(value) || fieldProblem(value, ['name', 'key', 'power'])) return undefined;
  const { name, key, power } = { name: undefined, key: undefined, power: undefined, ...value };
  if (typeof name !== 'string' || typeof key !== 'string' || typeof power !== 'string') {
    return undefined;
  }
  const [bytes, number] = [fromHex(key), parseU64(power)];
  return bytes === undefined || number === undefined
    ? undefined
    : { key: bytes, power: number, name };
}

/** The first rule of F1 and P1 that pinned chains break. */
export function chainsProblem(chains: readonly TrustRoot[]): Refusal | undefined {
  const networks = chains.map(({ network }) => network);
  const twice = networks.find((network, i) => networks.indexOf(network) !== i);
  if (twice !== undefined) return bad(`two chains of the network ${JSON.stringify(twice)} (T5)`);
  for (const root of chains) {
    const problem = rootProblem(root);
    if (problem !== undefined) return bad(`chain ${JSON.stringify(root.network)}: ${problem}`);
  }
  return undefined;
}

function rootProblem(root: TrustRoot): string | undefined {
  const { network, height, validators } = root;
  if (!isNetworkId(network)) return 'not a network id (I3)';
  if (!isUint(height)) return 'height is 0 to 2^53 − 1';
  if (!validators.every(({ power }) => isU64(power))) return 'power is 1 to 2^60';
  const set = validatorsProblem(validators) ?? badVoteKey(validators);
  if (set !== undefined) return `${set} (P1)`;
  const names = validators.map(({ name }) => name);
  const stranger = names.find((name) => !isName('node', name));
  if (stranger !== undefined) return `${JSON.stringify(stranger)} is not a node name (I1)`;
  if (new Set(names).size !== names.length) return 'a validator name stands there twice';
  return boundsProblem(root);
}

function bad(what: string): Refusal {
  return refuse('receipt/bad-trust', `trust: ${what}`);
}
