// SPDX-License-Identifier: Apache-2.0
/**
 * Names of networks, logs and replicas (I1, I4).
 *
 * Everything signed names its network and its log, so that a signature can never
 * be shown as one about another log.
 */
import { parseSafe, U32_MAX } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { Origin } from './types.ts';

/** I4. */
export const ORIGIN_BYTES_MAX = 255;

const NAMES = {
  network: /^[a-z][a-z0-9-]{0,30}$/,
  node: /^[a-z][a-z0-9-]{0,30}$/,
  cluster: /^[a-z0-9][a-z0-9._-]{0,62}$/,
  log: /^[a-z0-9][a-z0-9._-]{0,62}$/,
} as const;

/** Network name, a hyphen, first 8 bytes of the genesis hash (I3). */
const NETWORK_ID = /^[a-z][a-z0-9-]{0,30}-[0-9a-f]{16}$/;

/** Whether this text may name such a thing (I1). */
export function isName(kind: keyof typeof NAMES, text: string): boolean {
  return NAMES[kind].test(text);
}

/** Whether this text has the form of a network id (I3). */
export function isNetworkId(text: string): boolean {
  return NETWORK_ID.test(text);
}

/** Reads `pyralog/<network id>/<cluster>/<log>/<partition>`, with `/sha256` behind it for that tree (I4). */
export function parseOrigin(text: string): Parsed<Origin> {
  const [root, network = '', cluster = '', log = '', number = '', ...rest] = text.split('/');
  const partition = parseSafe(number, U32_MAX);
  const sha256 = rest.length === 1 && rest[0] === 'sha256';
  if (root !== 'pyralog' || !isNetworkId(network)) {
    return bad(text, 'starts with pyralog/<network name>-<16 hex digits>');
  }
  if (!isName('cluster', cluster) || !isName('log', log)) {
    return bad(text, 'goes on with <cluster>/<log>, lower-case names of at most 63 characters');
  }
  if (partition === undefined || !(rest.length === 0 || sha256)) {
    return bad(text, 'ends in a partition number below 2^32, and /sha256 for that tree');
  }
  if (text.length > ORIGIN_BYTES_MAX) return bad(text, `has at most ${ORIGIN_BYTES_MAX} bytes`);
  return accept({ network, cluster, log, partition, sha256 });
}

/** Throws `receipt/malformed` for parts that break I1. */
export function formatOrigin(origin: Origin): string {
  const scope = `pyralog/${origin.network}/${origin.cluster}/${origin.log}/${origin.partition}`;
  const text = origin.sha256 ? `${scope}/sha256` : scope;
  const parsed = parseOrigin(text);
  if (!parsed.ok) throw new PyralogError<RefusalCode>(parsed.code, parsed.message);
  return text;
}

/** `pyralog/<network id>/<cluster>` (I4). Throws `receipt/malformed`. */
export function clusterScope(network: string, cluster: string): string {
  if (!isNetworkId(network) || !isName('cluster', cluster)) {
    throw new PyralogError<RefusalCode>(
      'receipt/malformed',
      `not a network id and a cluster name: ${JSON.stringify([network, cluster])}`,
    );
  }
  return `pyralog/${network}/${cluster}`;
}

/** Name of a replica's key, `pyralog/<network id>/<cluster>/<node>` (I4). Throws `receipt/malformed`. */
export function replicaKeyName(network: string, cluster: string, node: string): string {
  if (!isName('node', node)) {
    throw new PyralogError<RefusalCode>(
      'receipt/malformed',
      `not a node name: ${JSON.stringify(node)}`,
    );
  }
  return `${clusterScope(network, cluster)}/${node}`;
}

/** The cluster scope a scope or origin lies in; `undefined` when it is neither (T1). */
export function clusterScopeOf(scope: string): string | undefined {
  const [root, network = '', cluster = '', ...rest] = scope.split('/');
  if (root !== 'pyralog' || !isNetworkId(network) || !isName('cluster', cluster)) return undefined;
  return rest.length === 0 || parseOrigin(scope).ok ? clusterScope(network, cluster) : undefined;
}

function bad(text: string, rule: string): Refusal {
  return refuse('receipt/malformed', `origin ${JSON.stringify(text)}: an origin ${rule}`);
}
