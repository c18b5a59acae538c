import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { formatVerificationKey, parseTrustStore, type TrustPolicy } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { withNode } from '../find-node.ts';
import {
  findTrustFile,
  HOW_TO_TRUST,
  readTrustFile,
  userTrustFile,
  writeTrustFile,
} from '../trust-file.ts';

export interface TrustFlags {
  readonly trust?: string;
  readonly yes?: boolean;
}

/** `pyralog trust add`: shows what would be believed, and asks (T1). */
export async function trustAdd(
  context: Context,
  source: string,
  flags: TrustFlags,
): Promise<ExitCode> {
  const policies = await policiesOf(context, source);
  const path = findTrustFile(context, flags.trust) ?? userTrustFile(context.environment);
  const before = existsSync(path) ? readTrustFile(path).policies : [];
  const scopes = new Set(policies.map(({ scope }) => scope));
  const replaced = before.filter(({ scope }) => scopes.has(scope));
  for (const policy of policies) describe(policy, (line) => context.note(line));
  for (const { scope } of replaced) context.note(`this replaces what is pinned for ${scope}`);
  if (!flags.yes) await confirm(context, path);
  writeTrustFile(path, {
    policies: [...before.filter(({ scope }) => !scopes.has(scope)), ...policies],
  });
  context.print(`pinned in ${path}`);
  context.answer({ trust: path, added: policies.map(toPlain), replaced: replaced.length });
  return EXIT.ok.code;
}

/** `pyralog trust list`. */
export async function trustList(context: Context, flags: TrustFlags): Promise<ExitCode> {
  const path = findTrustFile(context, flags.trust);
  if (path === undefined) {
    const where = [join('.pyralog', 'trust.json'), userTrustFile(context.environment)].join(
      ' and ',
    );
    throw cliError('cli/no-trust', `no trust store (looked for ${where}); ${HOW_TO_TRUST}`);
  }
  const { policies } = readTrustFile(path);
  context.print(path);
  for (const policy of policies) describe(policy, (line) => context.print(line));
  context.answer({ trust: path, policies: policies.map(toPlain) });
  return EXIT.ok.code;
}

async function policiesOf(context: Context, source: string): Promise<readonly TrustPolicy[]> {
  if (/^(?:https?|wss?):\/\//.test(source)) {
    const answer = await withNode(context, { node: source }, (client) =>
      client.info({ signal: context.signal }),
    );
    if (answer.policies.length === 0)
      throw cliError('cli/no-trust', `${source}: the node names no keys`);
    context.note(`${source} says it is of network ${answer.networkId}, with these keys.`);
    context.note('A key is worth what you know of its owner: compare it over another channel.');
    return parsePolicies(source, answer.policies);
  }
  if (!existsSync(source)) {
    throw cliError('cli/usage', `${source}: neither the URL of a node nor a file`);
  }
  const value: unknown = parseJson(readFileSync(source, 'utf8'));
  const isStore = typeof value === 'object' && value !== null && 'pyralog' in value;
  return parsePolicies(source, isStore ? undefined : [value], isStore ? value : undefined);
}

/** Everything goes through the one strict parser of trust stores (T3). */
function parsePolicies(
  source: string,
  policies: readonly unknown[] | undefined,
  store: unknown = { pyralog: 'trust', version: 1, policies },
): readonly TrustPolicy[] {
  const parsed = parseTrustStore(JSON.stringify(store));
  if (parsed.ok) return parsed.value.policies;
  throw cliError('cli/no-trust', `${source}: ${parsed.message}`);
}

async function confirm(context: Context, path: string): Promise<void> {
  if (process.stdin.isTTY !== true) {
    throw cliError('cli/not-confirmed', 'nothing pinned: check the keys, then repeat with --yes');
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`Pin these keys in ${path}? (yes/no) `, {
      signal: context.signal,
    });
    if (answer.trim().toLowerCase() !== 'yes')
      throw cliError('cli/not-confirmed', 'nothing pinned');
  } finally {
    prompt.close();
  }
}

function describe(policy: TrustPolicy, print: (line: string) => void): void {
  const { scope, keys, threshold, faults } = policy;
  const covers = faults > 0 ? `covers ${faults} lying replicas` : 'covers crashes only';
  print(`${scope}: ${threshold} of ${keys.length} keys needed, ${covers}`);
  for (const key of keys) print(`  ${formatVerificationKey(key)}`);
}

function toPlain({ scope, keys, threshold, faults }: TrustPolicy) {
  return { scope, keys: keys.map(formatVerificationKey), threshold, faults };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the parser of trust stores says so
  }
}
