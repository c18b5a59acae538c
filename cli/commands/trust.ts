import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { toHex } from '../../base/bytes.ts';
import {
  formatVerificationKey,
  type TrustPolicy,
  type TrustRoot,
  type TrustStore,
  totalPower,
} from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import {
  findTrustFile,
  HOW_TO_TRUST,
  readTrustFile,
  userTrustFile,
  writeTrustFile,
} from '../trust-file.ts';
import { readTrustOffer, type TrustOffer } from '../trust-source.ts';

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
  const { policies, chains } = await readTrustOffer(context, source);
  const path = findTrustFile(context, flags.trust) ?? userTrustFile(context.environment);
  const before: TrustStore = existsSync(path) ? readTrustFile(path) : { policies: [] };
  const scopes = new Set(policies.map(({ scope }) => scope));
  const networks = new Set(chains.map(({ network }) => network));
  const kept: TrustStore = {
    policies: before.policies.filter(({ scope }) => !scopes.has(scope)),
    chains: (before.chains ?? []).filter(({ network }) => !networks.has(network)),
  };
  describe({ policies, chains }, (line) => context.note(line));
  const replaced = replacedNames(before, kept);
  for (const name of replaced) context.note(`this replaces what is pinned for ${name}`);
  if (!flags.yes) await confirm(context, path);
  writeTrustFile(path, {
    policies: [...kept.policies, ...policies],
    chains: [...(kept.chains ?? []), ...chains],
  });
  context.print(`pinned in ${path}`);
  context.answer({
    trust: path,
    added: policies.map(toPlain),
    chains: chains.map(chainToPlain),
    replaced: replaced.length,
  });
  return EXIT.ok.code;
}

function replacedNames(before: TrustStore, kept: TrustStore): string[] {
  const gone = before.policies.filter((policy) => !kept.policies.includes(policy));
  const chains = (before.chains ?? []).filter((root) => !kept.chains?.includes(root));
  return [
    ...gone.map(({ scope }) => scope),
    ...chains.map(({ network }) => `the chain of ${network}`),
  ];
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
  const { policies, chains = [] } = readTrustFile(path);
  context.print(path);
  describe({ policies, chains }, (line) => context.print(line));
  context.answer({
    trust: path,
    policies: policies.map(toPlain),
    chains: chains.map(chainToPlain),
  });
  return EXIT.ok.code;
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

function describe({ policies, chains }: TrustOffer, print: (line: string) => void): void {
  for (const { scope, keys, threshold, faults } of policies) {
    const covers = faults > 0 ? `covers ${faults} lying replicas` : 'covers crashes only';
    print(`${scope}: ${threshold} of ${keys.length} keys needed, ${covers}`);
    for (const key of keys) print(`  ${formatVerificationKey(key)}`);
  }
  for (const { network, height, validators } of chains) {
    const total = totalPower(validators);
    print(
      `chain of ${network}, from block ${height}: more than two thirds of ${total} power needed`,
    );
    for (const { name, key, power } of validators) print(`  ${name} ${toHex(key)} power ${power}`);
  }
}

function toPlain({ scope, keys, threshold, faults }: TrustPolicy) {
  return { scope, keys: keys.map(formatVerificationKey), threshold, faults };
}

function chainToPlain({ height, ...root }: TrustRoot) {
  return { ...root, height: String(height) };
}
