import { readFileSync, statSync } from 'node:fs';
import { equalBytes, fromHex, toHex } from '../base/bytes.ts';
import { PyralogError } from '../base/errors.ts';
import {
  clusterScope,
  formatVerificationKey,
  isName,
  parseVerificationKey,
  replicaKeyName,
  type VerificationKey,
} from '../receipt/index.ts';
import type { NodePolicy } from '../rpc/index.ts';
import { nodeError, systemCode } from './errors.ts';

/** The nodes that keep a cluster's logs together (docs/spec/cluster.md CG1–CG3). */
export interface ClusterFile {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly networkId: string;
  readonly cluster: string;
  /** Signatures that make a checkpoint. */
  readonly cosigners: number;
  /** Members that may lie, or be restored from a backup. */
  readonly faults: number;
  /** Numbers of the members that founded the cluster (CG7); none when all did. */
  readonly founders: readonly number[];
  /** By number. */
  readonly members: readonly ClusterFileMember[];
}

export interface ClusterFileMember {
  /** 1 to 1,023. */
  readonly number: number;
  /** Node name (I4). */
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** Where clients reach its RPC: `http:`, `https:`, `ws:` or `wss:` address. */
  readonly rpc?: string;
  /** 32-byte X25519 public key. */
  readonly tunnel: Uint8Array;
  readonly cosigner: VerificationKey;
}

const VERSION = 1;
const BYTES_MAX = 65_536;
export const MEMBERS_MAX = 64;
export const MEMBER_NUMBER_MAX = 1_023;
const FIELDS = ['pyralog', 'version', 'id', 'network', 'cluster', 'cosigners', 'faults', 'members'];
const MEMBER_OPTIONAL = ['rpc'];
const OPTIONAL = ['founders'];
const MEMBER_FIELDS = ['number', 'name', 'address', 'tunnel', 'cosigner'];

/** @throws NodeError `node/bad-config` that names the file and what is wrong with it */
export function readClusterFile(path: string): ClusterFile {
  const { size } = orRefuse(path, () => statSync(path));
  if (size > BYTES_MAX) throw refuse(path, `has ${size} bytes; at most ${BYTES_MAX} make sense`);
  return parseClusterFile(
    orRefuse(path, () => readFileSync(path, 'utf8')),
    path,
  );
}

function orRefuse<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw nodeError('node/bad-config', `${path}: cannot be read (${code})`, { cause: error });
  }
}

/** `source` is for messages. Errors as {@link readClusterFile}. */
export function parseClusterFile(text: string, source: string): ClusterFile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw refuse(source, 'is not JSON');
  }
  const file = objectOf(document, FIELDS, source, OPTIONAL);
  if (file['pyralog'] !== 'cluster') throw refuse(source, 'is not a members file of pyralog');
  if (file['version'] !== VERSION) {
    throw refuse(source, `has version ${String(file['version'])}; this pyralog knows ${VERSION}`);
  }
  const cluster = textOf(file, 'cluster', source);
  const networkId = textOf(file, 'network', source);
  if (!isName('cluster', cluster)) throw refuse(source, `cluster ${cluster} is no name (I1)`);
  const list = file['members'];
  if (!Array.isArray(list) || list.length === 0 || list.length > MEMBERS_MAX) {
    throw refuse(source, `members: give 1 to ${MEMBERS_MAX}`);
  }
  const scope = { networkId, cluster };
  const members = list.map((entry, i) => memberOf(entry, `${source}, member ${i + 1}`, scope));
  const parsed: ClusterFile = {
    id: bytesOf(file, 'id', source),
    networkId,
    cluster,
    cosigners: whole(file, 'cosigners', source),
    faults: whole(file, 'faults', source, 0),
    founders: foundersOf(file, source),
    members,
  };
  checkTogether(parsed, source);
  return parsed;
}

export function formatClusterFile(file: ClusterFile): string {
  return `${JSON.stringify(clusterDocument(file), null, 2)}\n`;
}

/** The file's JSON (CG1). */
export function clusterDocument(file: ClusterFile) {
  return {
    pyralog: 'cluster',
    version: VERSION,
    id: toHex(file.id),
    network: file.networkId,
    cluster: file.cluster,
    cosigners: file.cosigners,
    faults: file.faults,
    ...(file.founders.length === 0 ? {} : { founders: file.founders }),
    members: file.members.map(formatMember),
  };
}

/** A member as the file has it (CG2). */
export function formatMember(member: ClusterFileMember) {
  return {
    number: member.number,
    name: member.name,
    address: member.address,
    ...(member.rpc === undefined ? {} : { rpc: member.rpc }),
    tunnel: toHex(member.tunnel),
    cosigner: formatVerificationKey(member.cosigner),
  };
}

/** A member that stands alone, with network and cluster beside its fields. Errors as {@link readClusterFile}. */
export function parseMember(
  entry: unknown,
  source: string,
): { networkId: string; cluster: string; member: ClusterFileMember } {
  const fields = objectOf(entry, ['network', 'cluster', ...MEMBER_FIELDS], source, MEMBER_OPTIONAL);
  const networkId = textOf(fields, 'network', source);
  const cluster = textOf(fields, 'cluster', source);
  const own = Object.fromEntries(
    [...MEMBER_FIELDS, ...MEMBER_OPTIONAL]
      .filter((field) => Object.hasOwn(fields, field))
      .map((field) => [field, fields[field]]),
  );
  return { networkId, cluster, member: memberOf(own, source, { networkId, cluster }) };
}

/** What others pin to believe the cluster (CG3). */
export function clusterPolicy(file: ClusterFile): NodePolicy {
  return {
    scope: clusterScope(file.networkId, file.cluster),
    keys: file.members.map(({ cosigner }) => formatVerificationKey(cosigner)),
    threshold: Math.max(file.cosigners, leastCosigners(file.members.length, file.faults)),
    faults: file.faults,
  };
}

/** Signatures that a checkpoint needs at least, so that no two groups of signers can do without each other (GR10). */
export function leastCosigners(members: number, faults: number): number {
  return Math.floor((members + faults) / 2) + 1;
}

/** A node's own public keys, to be found in the file. */
export interface OwnKeys {
  readonly tunnel: Uint8Array;
  readonly cosigning: Uint8Array;
}

/**
 * The member that a node is (CG4).
 *
 * @throws NodeError `node/bad-config`
 */
export function ownMember(
  file: ClusterFile,
  source: string,
  own: { networkId: string; cluster: string; node: string } & OwnKeys,
): ClusterFileMember {
  if (file.networkId !== own.networkId || file.cluster !== own.cluster) {
    throw refuse(
      source,
      `is of cluster ${file.cluster} on ${file.networkId}, and this node of ${own.cluster} on ${own.networkId}`,
    );
  }
  const member = file.members.find(({ name }) => name === own.node);
  if (member === undefined) {
    throw refuse(source, `has no member ${own.node}: check network.node, or add this node`);
  }
  const differs = !equalBytes(member.tunnel, own.tunnel)
    ? 'tunnel'
    : equalBytes(member.cosigner.publicKey, own.cosigning)
      ? undefined
      : 'cosigning';
  if (differs === undefined) return member;
  throw refuse(
    source,
    `has another ${differs} key for ${own.node} than this data directory; take the entry that \`pyralog cluster member\` prints here`,
  );
}

function memberOf(
  entry: unknown,
  source: string,
  { networkId, cluster }: { networkId: string; cluster: string },
): ClusterFileMember {
  const member = objectOf(entry, MEMBER_FIELDS, source, MEMBER_OPTIONAL);
  const name = textOf(member, 'name', source);
  const address = textOf(member, 'address', source);
  if (!/^(?:\[[0-9a-f:]+\]|[A-Za-z0-9.-]{1,253}):[0-9]{1,5}$/.test(address)) {
    throw refuse(source, `address ${JSON.stringify(address)} is not host:port`);
  }
  const cosigner = parseVerificationKey(textOf(member, 'cosigner', source));
  if (!cosigner.ok) throw refuse(source, `cosigner: ${cosigner.message}`);
  const expected = keyNameOf({ networkId, cluster, name }, source);
  if (cosigner.value.type !== 'cosignature' || cosigner.value.name !== expected) {
    throw refuse(source, `cosigner is the key of ${cosigner.value.name}, not of ${expected}`);
  }
  const number = whole(member, 'number', source);
  if (number > MEMBER_NUMBER_MAX) throw refuse(source, `number: 1 to ${MEMBER_NUMBER_MAX}`);
  return {
    number,
    name,
    address,
    ...(Object.hasOwn(member, 'rpc') ? { rpc: rpcOf(member, source) } : {}),
    tunnel: bytesOf(member, 'tunnel', source),
    cosigner: cosigner.value,
  };
}

function rpcOf(member: Fields, source: string): string {
  const rpc = textOf(member, 'rpc', source);
  const protocol = URL.canParse(rpc) ? new URL(rpc).protocol : '';
  if (['http:', 'https:', 'ws:', 'wss:'].includes(protocol)) return rpc;
  throw refuse(source, `rpc ${JSON.stringify(rpc)} is no http, https, ws or wss address`);
}

/** The name a member's key must have; a network or node that is no name has none. */
function keyNameOf(
  { networkId, cluster, name }: { networkId: string; cluster: string; name: string },
  source: string,
): string {
  try {
    return replicaKeyName(networkId, cluster, name);
  } catch (cause) {
    if (!(cause instanceof PyralogError)) throw cause;
    throw refuse(source, cause.message);
  }
}

/** Those of the members that founded the cluster; in a file without them all did. */
function foundersOf(file: Fields, source: string): number[] {
  const list = file['founders'] ?? [];
  if (!Array.isArray(list) || list.length > MEMBERS_MAX) {
    throw refuse(source, `founders: numbers of at most ${MEMBERS_MAX} members`);
  }
  return list.map((number: unknown) => whole({ number }, 'number', `${source}, founders`));
}

function checkTogether(file: ClusterFile, source: string): void {
  const { members, cosigners, faults } = file;
  const once: [string, (member: ClusterFileMember) => string][] = [
    ['number', ({ number }) => String(number)],
    ['name', ({ name }) => name],
    ['address', ({ address }) => address],
    ['rpc address', ({ name, rpc }) => rpc ?? `none of ${name}`],
    ['tunnel key', ({ tunnel }) => toHex(tunnel)],
    ['cosigner', ({ cosigner }) => toHex(cosigner.publicKey)],
  ];
  for (const [what, of] of once) {
    const seen = new Set<string>();
    for (const member of members) {
      const value = of(member);
      if (seen.has(value)) throw refuse(source, `two members have the ${what} ${value}`);
      seen.add(value);
    }
  }
  if (members.some(({ number }, i) => number < (members[i - 1]?.number ?? 0))) {
    throw refuse(source, 'members stand in the order of their numbers');
  }
  const founded = file.founders.length === 0 ? members.length : file.founders.length;
  if (cosigners > founded || 2 * cosigners <= founded + faults) {
    throw refuse(
      source,
      `${cosigners} of ${founded} signatures with ${faults} faults: 2k > n + f must hold, and k be at most n (CG3)`,
    );
  }
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(
  value: unknown,
  fields: readonly string[],
  source: string,
  optional: readonly string[] = [],
): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(source, 'is not an object');
  }
  for (const field of fields) {
    if (!Object.hasOwn(value, field)) throw refuse(source, `${field} is missing`);
  }
  const unknown = Object.keys(value).find(
    (field) => !fields.includes(field) && !optional.includes(field),
  );
  if (unknown !== undefined) throw refuse(source, `there is no field ${unknown}`);
  return value as Fields;
}

function textOf(from: Fields, field: string, source: string): string {
  const value = from[field];
  if (typeof value === 'string' && value.length > 0 && value.length <= 512) return value;
  throw refuse(source, `${field} is not a text of 1 to 512 characters`);
}

function whole(from: Fields, field: string, source: string, least = 1): number {
  const value = from[field];
  if (Number.isSafeInteger(value) && Number(value) >= least) return Number(value);
  throw refuse(source, `${field} is not a whole number from ${least} on`);
}

function bytesOf(from: Fields, field: string, source: string): Uint8Array {
  const bytes = fromHex(textOf(from, field, source));
  if (bytes?.length === 32) return bytes;
  throw refuse(source, `${field} is not 32 bytes in hex`);
}

function refuse(source: string, what: string) {
  return nodeError('node/bad-config', `${source}: ${what}`, { data: { source } });
}
