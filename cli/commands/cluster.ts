import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { MethodResult } from '../../api/index.ts';
import {
  type ClusterFileMember,
  createKey,
  dataDirPaths,
  formatClusterFile,
  formatMember,
  keyName,
  keyPath,
  leastCosigners,
  loadConfig,
  openDataDir,
  parseClusterFile,
  parseMember,
  readKeyFile,
  readKeySummary,
  writeDurably,
  writeKeyFile,
} from '../../node/index.ts';
import { verificationKey } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type AdminFlags, withAdmin } from '../find-admin.ts';
import { reasonOf } from '../hash-file.ts';
import { passphraseOf } from '../passphrase.ts';

type Status = MethodResult<'cluster_status'>;

/** `pyralog cluster status`: exit 1 when anything is not well (E13). */
export async function clusterStatus(context: Context, flags: AdminFlags): Promise<ExitCode> {
  return withAdmin(context, flags, async (client) => {
    const status = await client.call('cluster_status', {});
    for (const line of statusLines(status)) context.print(line);
    const healthy = isHealthy(status);
    context.answer({ ...status, healthy });
    return healthy ? EXIT.ok.code : EXIT.failed.code;
  });
}

/** Every group and every link has none of its own problems to tell. */
export function isHealthy({ partitions, members, problem: own }: Status): boolean {
  return (
    own === undefined &&
    partitions.every(({ problem }) => problem === undefined) &&
    members.every(({ up }) => up)
  );
}

export function statusLines(status: Status): string[] {
  const { cluster, partitions, members, stranger, agreed, problem } = status;
  const groups = partitions.flatMap((group) => [
    `partition ${group.partition} (${group.origin}): ${group.leader === undefined ? 'nobody leads' : `${group.leader} leads`}, epoch ${group.epoch}, ${group.size} records here`,
    ...(group.problem === undefined ? [] : [`  not well: ${group.problem}`]),
    ...group.replicas.map(
      ({ node, index }) =>
        `  ${node} has ${index} of ${group.last} entries${group.learners.includes(node) ? ', and does not vote yet' : ''}`,
    ),
  ]);
  const links = members.flatMap(({ node, number, self, up, status: being, problem: what }) => [
    `member ${number} ${node}: ${self ? 'answers' : up ? 'linked' : 'no link'}${being === undefined || being === 'active' ? '' : `, ${being}`}`,
    ...(what === undefined ? [] : [`  ${what}`]),
  ]);
  const strangers = stranger === undefined ? [] : [`turned away: ${stranger}`];
  const group =
    agreed === undefined
      ? ['cluster group: this member has not heard yet how the cluster stands']
      : [
          `cluster group: ${agreed.leader ?? 'nobody'} leads, ${agreed.voters} replicas a partition wanted`,
        ];
  const own = problem === undefined ? [] : [`  not well: ${problem}`];
  return [`cluster ${cluster}`, ...group, ...own, ...groups, ...links, ...strangers];
}

/** `pyralog cluster transfer PARTITION NODE`. */
export async function clusterTransfer(
  context: Context,
  [number = '', to = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  const partition = wholeOf('partition', number, 0, 0xffff_ffff);
  return withAdmin(context, flags, async (client) => {
    await client.call('cluster_transfer', { partition, to });
    context.print(`partition ${partition} is being handed over to ${to}`);
    context.answer({ partition, to });
    return EXIT.ok.code;
  });
}

export interface ClusterMemberFlags {
  readonly number: string;
  readonly address: string;
  readonly rpc?: string;
  readonly config?: string;
  readonly passphraseFile?: string;
}

/** `pyralog cluster member`: an entry of the members file (CG2), with the keys of the data directory here. */
export async function clusterMember(
  context: Context,
  flags: ClusterMemberFlags,
): Promise<ExitCode> {
  const number = wholeOf('--number', flags.number, 1, 1_023);
  const { environment, workingDir } = context;
  // What the members file will be is not there yet.
  const { config } = await loadConfig({ file: flags.config, environment, flags: {}, workingDir });
  const { networkId } = openDataDir(config.dataDir);
  const paths = dataDirPaths(config.dataDir);
  const path = keyPath(paths, 'tunnel');
  const cosigning = readKeySummary(keyPath(paths, 'cosigning'));
  const passphrase = passphraseOf(context, flags.passphraseFile);
  if (!existsSync(path)) {
    const key = createKey('tunnel', keyName('tunnel', networkId, config.network));
    await writeKeyFile(path, key, passphrase);
    context.note(`pyralog: made ${path}`);
  } else await readKeyFile(path, () => passphrase);
  const { node: name, cluster } = config.network;
  const member: ClusterFileMember = {
    number,
    name,
    address: flags.address,
    ...(flags.rpc === undefined ? {} : { rpc: flags.rpc }),
    tunnel: readKeySummary(path).publicKey,
    cosigner: verificationKey(cosigning.name, 'cosignature', cosigning.publicKey),
  };
  const entry = { network: networkId, cluster, ...formatMember(member) };
  parseMember(entry, 'this node');
  for (const line of JSON.stringify(entry, null, 2).split('\n')) context.print(line);
  context.answer(entry);
  return EXIT.ok.code;
}

export interface ClusterInitFlags {
  readonly member: readonly string[];
  readonly out: string;
  readonly cosigners?: string;
  readonly faults: string;
}

/** `pyralog cluster init`: a members file, with an id of its own (CG1). */
export async function clusterInit(context: Context, flags: ClusterInitFlags): Promise<ExitCode> {
  const entries = flags.member.map((file) => parseMember(readJson(context, file), file));
  const [first] = entries;
  if (first === undefined) throw cliError('cli/usage', 'a cluster has a member');
  const { networkId, cluster } = first;
  for (const [i, entry] of entries.entries()) {
    if (entry.networkId === networkId && entry.cluster === cluster) continue;
    throw cliError(
      'cli/usage',
      `${flags.member[i]}: is of ${entry.cluster} on ${entry.networkId}, ${flags.member[0]} of ${cluster} on ${networkId}`,
    );
  }
  const members = entries.map(({ member }) => member).sort((a, b) => a.number - b.number);
  const faults = wholeOf('--faults', flags.faults, 0, members.length);
  const least = leastCosigners(members.length, faults);
  const cosigners =
    flags.cosigners === undefined
      ? least
      : wholeOf('--cosigners', flags.cosigners, 1, members.length);
  const id = new Uint8Array(randomBytes(32));
  const text = formatClusterFile({
    id,
    networkId,
    cluster,
    cosigners,
    faults,
    founders: [],
    members,
  });
  const out = resolve(context.workingDir, flags.out);
  parseClusterFile(text, flags.out);
  if (existsSync(out)) throw cliError('cli/file', `${out}: exists already; nothing was changed`);
  writeDurably(out, text, { mode: 0o644, replace: false });
  context.print(`${out}: ${members.length} members, ${cosigners} signatures a checkpoint`);
  context.print('copy it to every member and name it there as cluster.members');
  context.answer({ file: out, members: members.length, cosigners, faults });
  return EXIT.ok.code;
}

/** What a file says. */
export function readJson(context: Context, file: string): unknown {
  try {
    return JSON.parse(readFileSync(resolve(context.workingDir, file), 'utf8'));
  } catch (error) {
    throw cliError('cli/file', `${file}: cannot be read as JSON (${reasonOf(error)})`, error);
  }
}

/** A number of the command line. */
export function wholeOf(what: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : -1;
  if (value >= min && value <= max) return value;
  throw cliError('cli/usage', `${what} ${text}: a whole number from ${min} to ${max}`);
}
