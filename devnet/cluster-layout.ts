import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { blake3 } from '@noble/hashes/blake3.js';
import { toUtf8 } from '../base/bytes.ts';
import {
  createDataDir,
  createGenesis,
  devnetKey,
  formatClusterFile,
  formatGenesis,
  isDataDir,
  keyName,
  keyPath,
  leastCosigners,
  readGenesis,
  writeDurably,
  writeKeyFileAnew,
} from '../node/index.ts';
import { networkId, replicaKeyName, verificationKey } from '../receipt/index.ts';
import { type DevnetPaths, devnetError } from './files.ts';
import type { DevnetLayout, DevnetNodeDir } from './layout.ts';

const NETWORK = 'devnet';
const CLUSTER = 'org-0';
const PURPOSES = ['cosigning', 'log', 'tunnel'] as const;
export const MEMBERS_MAX = 7;

/**
 * Makes what is missing of a devnet of one organisation: nodes that keep the notary log together, without a chain
 * (docs/spec/cluster.md).
 *
 * @throws PyralogError `devnet/other-size` when it was made with another number of members, or with a chain
 */
export async function layOutCluster(paths: DevnetPaths, count: number): Promise<DevnetLayout> {
  const file = join(paths.nodes, 'genesis.json');
  if (existsSync(file)) {
    const has = readGenesis(file).chain === undefined ? membersOf(paths) : 'a chain';
    if (has !== count) {
      throw devnetError(
        'devnet/other-size',
        `the devnet in ${paths.nodes} was made with ${has === 'a chain' ? has : `${has} members`}; start it so, wipe it with --fresh, or use another --dir`,
      );
    }
  } else {
    mkdirSync(paths.nodes, { recursive: true });
    const text = formatGenesis(createGenesis(NETWORK, Date.now()));
    writeDurably(file, text, { mode: 0o644, replace: true });
  }
  const genesis = readGenesis(file);
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, number): Promise<DevnetNodeDir> => {
      const name = `node-${number}`;
      const dir = join(paths.nodes, name);
      const names = { name: NETWORK, cluster: CLUSTER, node: name, log: 'notary' };
      if (!isDataDir(dir)) {
        mkdirSync(dir, { recursive: true });
        await createDataDir(dir, genesis, async (at, id) => {
          for (const purpose of PURPOSES) {
            // One log key, because there is one log.
            const of = purpose === 'log' ? 0 : number;
            const named = { purpose, name: keyName(purpose, id, names), number: of };
            await writeKeyFileAnew(keyPath(at, purpose), await devnetKey(NETWORK, named));
          }
        });
      }
      return { number, name, dir, names };
    }),
  );
  return { genesis, networkId: networkId(genesis), nodes, accounts: [] };
}

/** Writes the members file for this start: nodes listen on other ports each time. Returns its path. */
export async function writeMembers(
  { networkId: id, nodes }: DevnetLayout,
  paths: DevnetPaths,
  /** Where each member is reached, by the others and by clients. */
  reached: readonly { readonly address: string; readonly rpc: string }[],
): Promise<string> {
  const members = await Promise.all(
    nodes.map(async ({ number, name }, i) => {
      const key = async (purpose: 'tunnel' | 'cosigning') =>
        (await devnetKey(NETWORK, { purpose, name, number })).publicKey;
      const keyOf = replicaKeyName(id, CLUSTER, name);
      return {
        number: number + 1,
        name,
        ...(reached[i] ?? { address: '' }),
        tunnel: await key('tunnel'),
        cosigner: verificationKey(keyOf, 'cosignature', await key('cosigning')),
      };
    }),
  );
  const path = join(paths.nodes, 'cluster.json');
  const text = formatClusterFile({
    id: blake3(toUtf8(id), { context: toUtf8('pyralog v1 devnet cluster') }),
    networkId: id,
    cluster: CLUSTER,
    cosigners: leastCosigners(nodes.length, 0),
    faults: 0,
    founders: [],
    members,
  });
  writeDurably(path, text, { mode: 0o644, replace: true });
  return path;
}

function membersOf(paths: DevnetPaths): number {
  let count = 0;
  while (existsSync(join(paths.nodes, `node-${count}`))) count++;
  return count;
}
