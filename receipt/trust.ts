// SPDX-License-Identifier: Apache-2.0
/**
 * Pinned trust: whose signatures count for which log, and which chains (T1–T3, T5).
 *
 * Keys come from here and from nowhere else; a key that travels with a receipt
 * proves nothing.
 */
import { isUint } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { fieldProblem, formatJson, isFields, parseJson } from './fields.ts';
import { clusterScopeOf } from './identity.ts';
import { formatVerificationKey, parseVerificationKey } from './keys.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import { chainsProblem, trustRootFromJson, trustRootToJson } from './trust-root.ts';
import type { TrustPolicy, TrustRoot, TrustStore, VerificationKey } from './types.ts';

/** Version 2 has chains; a store without them is written as version 1 (T5). */
const VERSION = { policies: 1, chains: 2 } as const;
/** T3; a note holds no more signatures (C2). */
const KEYS_MAX = 64;

/** Reads a trust store (T1); white space and order are free, fields are not. */
export function parseTrustStore(text: string): Parsed<TrustStore> {
  const value = parseJson(text);
  if (!isFields(value) || value['pyralog'] !== 'trust') {
    return bad('not a JSON object with "pyralog": "trust"');
  }
  const { version } = { version: undefined, ...value };
  if (isUint(version) && version > VERSION.chains) {
    return refuse('receipt/newer-version', 'trust: made by a newer version; update pyralog');
  }
  if (version !== VERSION.policies && version !== VERSION.chains) {
    return bad('version is not 1 or 2');
  }
  const fields = ['pyralog', 'version', 'policies'];
  const problem = fieldProblem(value, version === VERSION.chains ? [...fields, 'chains'] : fields);
  if (problem !== undefined) return bad(problem);
  const policies = allOf(value['policies'], 'policies', parsePolicy);
  if (!policies.ok) return policies;
  const chains = allOf(value['chains'] ?? [], 'chains', trustRootFromJson);
  if (!chains.ok) return chains;
  const store: TrustStore = {
    policies: policies.value,
    ...(chains.value.length > 0 && { chains: chains.value }),
  };
  return storeProblem(store) ?? accept(store);
}

function allOf<T>(
  value: unknown,
  name: string,
  parse: (entry: unknown) => Parsed<T>,
): Parsed<readonly T[]> {
  if (!Array.isArray(value)) return bad(`${name} is a list`);
  const all: T[] = [];
  for (const entry of value) {
    const read = parse(entry);
    if (!read.ok) return read;
    all.push(read.value);
  }
  return accept(all);
}

/** The text of a trust store (T1, T5). Throws `receipt/bad-trust` when it breaks T2, T3 or T5. */
export function formatTrustStore(store: TrustStore): string {
  const problem = storeProblem(store);
  if (problem !== undefined) throw new PyralogError<RefusalCode>(problem.code, problem.message);
  const policies = store.policies.map(({ scope, keys, threshold, faults }) => ({
    scope,
    keys: keys.map(formatVerificationKey),
    threshold,
    faults,
  }));
  const { chains = [] } = store;
  return chains.length === 0
    ? formatJson({ pyralog: 'trust', version: VERSION.policies, policies })
    : formatJson({
        pyralog: 'trust',
        version: VERSION.chains,
        policies,
        chains: chains.map(trustRootToJson),
      });
}

/** The pinned chain of a network (F1). */
export function findChain(store: TrustStore, network: string): TrustRoot | undefined {
  return store.chains?.find((root) => root.network === network);
}

/** The policy for an origin: the longest scope that covers it (T2). */
export function findPolicy(store: TrustStore, origin: string): TrustPolicy | undefined {
  return store.policies
    .filter(({ scope }) => origin === scope || origin.startsWith(`${scope}/`))
    .reduce<TrustPolicy | undefined>(
      (best, policy) => (best && best.scope.length > policy.scope.length ? best : policy),
      undefined,
    );
}

/** Whether k signatures outvote f replicas that may lie (T3): 2k > n + f, f > 0. */
export function coversLiars({ keys, threshold, faults }: TrustPolicy): boolean {
  return faults > 0 && 2 * threshold > keys.length + faults;
}

/** The first rule of T3 that a policy breaks. */
export function checkPolicy(policy: TrustPolicy): Refusal | undefined {
  const { scope, keys, threshold, faults } = policy;
  const cluster = clusterScopeOf(scope);
  const at = `policy ${JSON.stringify(scope)}:`;
  if (cluster === undefined) return bad(`${at} the scope is neither a cluster nor an origin (I4)`);
  if (keys.length < 1 || keys.length > KEYS_MAX) return bad(`${at} has 1 to ${KEYS_MAX} keys`);
  const stranger = keys.find((key) => !key.name.startsWith(`${cluster}/`));
  if (stranger !== undefined) {
    return bad(`${at} key ${JSON.stringify(stranger.name)} is not of cluster ${cluster}`);
  }
  const log = keys.find(({ type }) => type !== 'cosignature');
  if (log !== undefined) return bad(`${at} ${log.name} is a log key, not a replica's (C8)`);
  return keysProblem(at, keys) ?? thresholdProblem(at, keys.length, threshold, faults);
}

/** One replica must not count twice under two keys, nor one key under two names. */
function keysProblem(at: string, keys: readonly VerificationKey[]): Refusal | undefined {
  const names = new Set(keys.map(({ name }) => name));
  const points = new Set(keys.map(({ publicKey }) => publicKey.join()));
  return names.size === keys.length && points.size === keys.length
    ? undefined
    : bad(`${at} a key or a key name stands there twice`);
}

function thresholdProblem(at: string, n: number, k: number, f: number): Refusal | undefined {
  if (!isUint(k, n) || k === 0) return bad(`${at} the threshold is 1 to ${n}, the number of keys`);
  if (!isUint(f, n)) return bad(`${at} faults is 0 to ${n}, the number of keys`);
  return 2 * k > n + f
    ? undefined
    : bad(`${at} ${k} of ${n} with ${f} faults is no majority: 2k > n + f must hold`);
}

function storeProblem(store: TrustStore): Refusal | undefined {
  const scopes = store.policies.map(({ scope }) => scope);
  const twice = scopes.find((scope, i) => scopes.indexOf(scope) !== i);
  if (twice !== undefined) return bad(`two policies with the scope ${JSON.stringify(twice)} (T2)`);
  for (const policy of store.policies) {
    const problem = checkPolicy(policy);
    if (problem !== undefined) return problem;
  }
  return chainsProblem(store.chains ?? []);
}

function parsePolicy(value: unknown): Parsed<TrustPolicy> {
  if (!isFields(value)) return bad('policies is a list of objects');
  const problem = fieldProblem(value, ['scope', 'keys', 'threshold', 'faults']);
  if (problem !== undefined) return bad(`policy: ${problem}`);
  const { scope, threshold, faults } = { scope: '', threshold: '', faults: '', ...value };
  if (typeof scope !== 'string' || typeof threshold !== 'number' || typeof faults !== 'number') {
    return bad('policy: scope is a text, threshold and faults are numbers');
  }
  if (!Array.isArray(value['keys'])) return bad('policy: keys is a list');
  const keys: VerificationKey[] = [];
  for (const text of value['keys']) {
    const key = typeof text === 'string' ? parseVerificationKey(text) : bad('a key is a text');
    if (!key.ok) return key;
    keys.push(key.value);
  }
  return accept({ scope, keys, threshold, faults });
}

function bad(what: string): Refusal {
  return refuse('receipt/bad-trust', `trust: ${what}`);
}
