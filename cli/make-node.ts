/** What `init` and `join` have in common: the configuration, the keys and the data directory of a node. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Config,
  type ConfigValue,
  createDataDir,
  createKey,
  type DataDir,
  describeConfig,
  keyName,
  keyPath,
  loadConfig,
  writeConsensusFiles,
  writeDurably,
  writeKeyFile,
  writeNodeKeys,
} from '../node/index.ts';
import { type Genesis, parseGenesisJson } from '../receipt/index.ts';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';
import type { ValidatorKeys } from './validator-keys.ts';

export interface NodePlan {
  readonly root: string;
  readonly genesis: Genesis;
  readonly names: { readonly name: string; readonly cluster: string };
  /** Multiaddrs for `p2p.peers`. */
  readonly peers: readonly string[];
  readonly passphrase: string | undefined;
  /** Present: the node gets this vote key. */
  readonly validator: ValidatorKeys | undefined;
  /** What becomes of the slashing protection (P26). */
  readonly protection: 'make' | 'keep' | undefined;
}

export interface MadeNode {
  readonly networkId: string;
  /** The configuration file. */
  readonly file: string;
  readonly dataDir: string;
  /** Public key that pays for the node's anchors; undefined without a chain. */
  readonly account: Uint8Array | undefined;
}

/** Writes the data directory, then the configuration: a run that was interrupted can be repeated (D4). */
export async function makeNode(plan: NodePlan): Promise<MadeNode> {
  const { root, genesis, names, peers, passphrase } = plan;
  const file = join(root, 'pyralog.yaml');
  const settings = {
    'network.name': genesis.network,
    'network.node': names.name,
    'network.cluster': names.cluster,
  };
  const { config } = await loadConfig({ environment: {}, flags: settings, workingDir: root });
  let account: Uint8Array | undefined;
  const made = await createDataDir(config.dataDir, genesis, async (paths, id) => {
    await writeNodeKeys(paths, { id, names: config.network, passphrase });
    if (genesis.chain !== undefined) account = await writeChainKeys(plan, { config, paths, id });
  });
  const { format } = await describeConfig();
  const given = new Map<string, ConfigValue>(Object.entries(settings));
  if (names.cluster === 'local') given.delete('network.cluster');
  if (peers.length > 0) given.set('p2p.peers', peers);
  writeDurably(file, format(given), { mode: 0o644, replace: false });
  return { networkId: made.networkId, file, dataDir: config.dataDir, account };
}

/** Keys of a node on a chain (I5): a validator's are those it was announced with. Answers the public key that pays. */
async function writeChainKeys(
  { validator, passphrase, protection }: NodePlan,
  { config, paths, id }: { config: Config; paths: DataDir['paths']; id: string },
): Promise<Uint8Array> {
  const write = async (purpose: 'vote' | 'transaction' | 'transport') => {
    const seed = validator?.keys[purpose].seed;
    const path = keyPath(paths, purpose);
    const key = createKey(purpose, keyName(purpose, id, config.network), seed);
    // Left by an interrupted run, and good: it is for the same genesis (D4).
    if (!existsSync(path)) await writeKeyFile(path, key, passphrase);
    return key.publicKey;
  };
  await write('transport');
  if (validator !== undefined) {
    const key = await write('vote');
    if (protection === 'make') await writeConsensusFiles(paths, { network: id, key });
  }
  return write('transaction');
}

/** @throws PyralogError `cli/file` */
export function readGenesisFile(path: string): Genesis {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
  const parsed = parseGenesisJson(text);
  if (!parsed.ok) throw cliError('cli/file', `${path}: ${parsed.message}`);
  return parsed.value;
}
