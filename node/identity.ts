import { existsSync } from 'node:fs';
import {
  clusterScope,
  formatOrigin,
  formatVerificationKey,
  replicaKeyName,
  verificationKey,
} from '../receipt/index.ts';
import type { NodePolicy } from '../rpc/index.ts';
import {
  type ClusterFile,
  type ClusterFileMember,
  clusterPolicy,
  ownMember,
  readClusterFile,
} from './cluster-file.ts';
import type { Config } from './config/schema.ts';
import { type DataDir, type DataDirPaths, keyPath } from './data-dir.ts';
import { refuseDevnetKey } from './devnet-keys.ts';
import { nodeError } from './errors.ts';
import { createKey, type Key, type KeyPurpose, readKeyFile, writeKeyFile } from './key-file.ts';

/** Everything this node signs with and is known by. */
export interface NodeIdentity {
  readonly origin: string;
  readonly cosigning: Key;
  /** Present when the log keeps a SHA-256 tree (C8). */
  readonly log: Key | undefined;
  /** What others pin to believe this node (T1): one key, so crashes only. */
  readonly policy: NodePolicy;
  /** Present when genesis has a chain (I7). */
  readonly network: NetworkIdentity | undefined;
  /** Present in a member of a cluster (CG4). */
  readonly cluster: ClusterIdentity | undefined;
}

/** A node as a member of its cluster. */
export interface ClusterIdentity {
  readonly file: ClusterFile;
  readonly self: ClusterFileMember;
  readonly tunnel: Key;
}

/** The keys of a node on a chain; one key a purpose (I5). */
export interface NetworkIdentity {
  /** Its peer id. */
  readonly transport: Key;
  /** Present: a validator, if genesis or a later set has the key. */
  readonly vote: Key | undefined;
  /** Present: registers the node's cluster and sends its anchors. */
  readonly transaction: Key | undefined;
}

type Names = Config['network'];

/** Names of the node's keys on a network: everything signed names its network, its kind and its log (I4, C8). */
export function keyName(purpose: KeyPurpose, id: string, names: Names): string {
  return purpose === 'log'
    ? `${logOrigin(id, names)}/sha256`
    : replicaKeyName(id, names.cluster, names.node);
}

export function logOrigin(id: string, { cluster, log }: Names): string {
  return formatOrigin({ network: id, cluster, log, partition: 0, sha256: false });
}

/** Makes the keys a node cannot run without, at random. */
export async function writeNodeKeys(
  paths: DataDirPaths,
  { id, names, passphrase }: { id: string; names: Names; passphrase: string | undefined },
): Promise<void> {
  for (const purpose of ['cosigning', 'log'] as const) {
    // Left by an interrupted creation, and good: it is for the same genesis (D4).
    if (existsSync(keyPath(paths, purpose))) continue;
    const key = createKey(purpose, keyName(purpose, id, names));
    await writeKeyFile(keyPath(paths, purpose), key, passphrase);
  }
}

/**
 * Reads the keys of a data directory and checks that each is for this node, this purpose and this network (K4).
 *
 * @throws NodeError `node/bad-key`, `node/passphrase`, `node/devnet-key`
 */
export async function readNodeIdentity(
  { paths, genesis, networkId }: DataDir,
  config: Config,
  passphrase: () => string | undefined,
): Promise<NodeIdentity> {
  const names = config.network;
  const read = async (purpose: KeyPurpose) => {
    const path = keyPath(paths, purpose);
    const key = await readKeyFile(path, passphrase);
    const expected = keyName(purpose, networkId, names);
    if (key.purpose !== purpose || key.name !== expected) {
      throw nodeError(
        'node/bad-key',
        `${path}: is the ${key.purpose} key of ${key.name}, but this node needs the ${purpose} key of ${expected}; check cluster, node and log in the configuration`,
      );
    }
    await refuseDevnetKey(genesis.network, key);
    return key;
  };
  const readIfThere = async (purpose: KeyPurpose) =>
    existsSync(keyPath(paths, purpose)) ? read(purpose) : undefined;
  const cosigning = await read('cosigning');
  const cluster = await clusterIdentity({ networkId, config, cosigning }, () => read('tunnel'));
  return {
    origin: logOrigin(networkId, names),
    cosigning,
    log: config.store.sha256Tree ? await read('log') : undefined,
    policy:
      cluster === undefined
        ? nodePolicy(networkId, names, cosigning.publicKey)
        : clusterPolicy(cluster.file),
    cluster,
    network:
      genesis.chain === undefined
        ? undefined
        : {
            transport: await read('transport'),
            vote: await readIfThere('vote'),
            transaction: await readIfThere('transaction'),
          },
  };
}

async function clusterIdentity(
  { networkId, config, cosigning }: { networkId: string; config: Config; cosigning: Key },
  readTunnel: () => Promise<Key>,
): Promise<ClusterIdentity | undefined> {
  const { members } = config.cluster;
  if (members === '') return undefined;
  const file = readClusterFile(members);
  const tunnel = await readTunnel();
  const { cluster, node } = config.network;
  const keys = { tunnel: tunnel.publicKey, cosigning: cosigning.publicKey };
  const self = ownMember(file, members, { networkId, cluster, node, ...keys });
  return { file, self, tunnel };
}

/** The policy that pins a lone node: one key of one. */
export function nodePolicy(id: string, names: Names, publicKey: Uint8Array): NodePolicy {
  const key = verificationKey(keyName('cosigning', id, names), 'cosignature', publicKey);
  return {
    scope: clusterScope(id, names.cluster),
    keys: [formatVerificationKey(key)],
    threshold: 1,
    faults: 0,
  };
}
