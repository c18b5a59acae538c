import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { MethodParams } from '../../api/index.ts';
import { parseClusterFile, parseMember, writeDurably } from '../../node/index.ts';
import { formatTrustStore, parseVerificationKey } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type AdminFlags, withAdmin } from '../find-admin.ts';
import { readJson, wholeOf } from './cluster.ts';

export interface ClusterAddFlags extends AdminFlags {
  readonly out: string;
  readonly rpc?: string;
  readonly zone?: string;
  readonly rack?: string;
  readonly weight?: string;
}

/** `pyralog cluster add FILE`: FILE is what `pyralog cluster member --json` printed at the new node. */
export async function clusterAdd(
  context: Context,
  [file = '']: readonly string[],
  flags: ClusterAddFlags,
): Promise<ExitCode> {
  const member = readJson(context, file);
  const { member: about } = parseMember(member, file);
  const out = resolve(context.workingDir, flags.out);
  if (existsSync(out)) throw cliError('cli/file', `${out}: exists already; nothing was changed`);
  const { rpc, zone, rack, weight } = flags;
  return withAdmin(context, flags, async (client) => {
    const params: MethodParams<'cluster_add'> = {
      member: Object(member),
      ...(rpc === undefined ? {} : { rpc }),
      ...(zone === undefined ? {} : { zone }),
      ...(rack === undefined ? {} : { rack }),
      ...(weight === undefined ? {} : { weight: wholeOf('--weight', weight, 1, 1_000) }),
    };
    const answer = await client.call('cluster_add', params);
    const text = `${JSON.stringify(answer.file, null, 2)}\n`;
    parseClusterFile(text, 'the answer of the node');
    writeDurably(out, text, { mode: 0o644, replace: false });
    context.print(
      `${about.name} is a member: copy ${out} to it, name it there as cluster.members,`,
    );
    context.print('and start it; `pyralog cluster status` shows when it has caught up');
    context.answer({ node: about.name, file: out });
    return EXIT.ok.code;
  });
}

export interface ClusterDrainFlags extends AdminFlags {
  readonly undo?: boolean;
}

/** `pyralog cluster drain NODE`. */
export async function clusterDrain(
  context: Context,
  [node = '']: readonly string[],
  flags: ClusterDrainFlags,
): Promise<ExitCode> {
  const undo = flags.undo === true;
  return withAdmin(context, flags, async (client) => {
    await client.call('cluster_drain', { node, undo });
    context.print(
      undo
        ? `${node} may be given replicas again`
        : `replicas of ${node} move to others; \`pyralog cluster status\` shows how far that is`,
    );
    context.answer({ node, undo });
    return EXIT.ok.code;
  });
}

/** `pyralog cluster remove NODE`. */
export async function clusterRemove(
  context: Context,
  [node = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  return withAdmin(context, flags, async (client) => {
    await client.call('cluster_remove', { node });
    context.print(`${node} is no member any more, and its number is not given out again`);
    context.answer({ node });
    return EXIT.ok.code;
  });
}

export interface ClusterReplicateFlags extends AdminFlags {
  readonly faults: string;
}

/** `pyralog cluster replicate VOTERS`. */
export async function clusterReplicate(
  context: Context,
  [count = '']: readonly string[],
  flags: ClusterReplicateFlags,
): Promise<ExitCode> {
  const voters = wholeOf('voters', count, 1, 7);
  const faults = wholeOf('--faults', flags.faults, 0, 6);
  return withAdmin(context, flags, async (client) => {
    await client.call('cluster_replicate', { voters, faults });
    context.print(`every partition is to have ${voters} replicas, of which ${faults} may lie`);
    context.answer({ voters, faults });
    return EXIT.ok.code;
  });
}

export interface ClusterPolicyFlags extends AdminFlags {
  readonly out?: string;
}

/** `pyralog cluster policy`: a trust store with what is to be pinned now (T1). */
export async function clusterPolicies(
  context: Context,
  flags: ClusterPolicyFlags,
): Promise<ExitCode> {
  return withAdmin(context, flags, async (client) => {
    const { policies } = await client.call('cluster_policies', {});
    const keysOf = (keys: readonly string[]) => {
      const parsed = keys.map((key) => parseVerificationKey(key));
      return parsed.flatMap((key) => (key.ok ? [key.value] : []));
    };
    const pinned = policies.map((one) => ({ ...one, keys: keysOf(one.keys) }));
    const text = formatTrustStore({ policies: pinned });
    if (flags.out === undefined) {
      for (const line of text.trimEnd().split('\n')) context.print(line);
    } else {
      const out = resolve(context.workingDir, flags.out);
      if (existsSync(out)) {
        throw cliError('cli/file', `${out}: exists already; nothing was changed`);
      }
      writeDurably(out, text, { mode: 0o644, replace: false });
      context.print(
        `${out}: ${policies.length} policies; compare them over another way before you pin them`,
      );
    }
    context.answer({ policies });
    return EXIT.ok.code;
  });
}
