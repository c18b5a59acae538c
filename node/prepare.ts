import { readFileSync } from 'node:fs';
import { genesisHash, trustRootOf } from '../receipt/index.ts';
import type { NodeInfo, RpcOptions } from '../rpc/index.ts';
import { coreOptions } from './compose.ts';
import { type ConfigSources, loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { type DataDir, openDataDir, readAdminToken } from './data-dir.ts';
import { nodeError, systemCode } from './errors.ts';
import { type NodeIdentity, readNodeIdentity } from './identity.ts';
import type { PreparedChain, PreparedNode } from './prepared.ts';
import { versionText } from './version.ts';

/**
 * Reads configuration, data directory and keys. Runs in the RPC thread, which needs the libraries for it anyway:
 * loaded a second time in the main thread they would cost a node 40 MB.
 *
 * @throws NodeError of configuration, data directory and keys
 */
export async function prepareNode(from: Config | ConfigSources): Promise<PreparedNode> {
  const config = 'environment' in from ? (await loadConfig(from)).config : from;
  const dataDir = openDataDir(config.dataDir);
  const identity = await readNodeIdentity(dataDir, config, () => passphraseOf(config));
  return {
    config,
    core: coreOptions(dataDir.paths.store, config, identity),
    origin: identity.origin,
    members: (identity.cluster?.file.members ?? []).map(({ number, name, rpc }) =>
      rpc === undefined ? { number, name } : { number, name, rpc },
    ),
    clusterFile: identity.cluster?.file,
    info: nodeInfo(dataDir, identity),
    rpc: rpcOptions(config, dataDir),
    chain: preparedChain(dataDir, identity),
  };
}

function nodeInfo({ genesis, networkId }: DataDir, { policy }: NodeIdentity): NodeInfo {
  const chain = trustRootOf(genesis);
  const own = { networkId, version: versionText(), policies: [policy] };
  return chain === undefined ? own : { ...own, chain };
}

function preparedChain(
  { genesis, networkId, paths }: DataDir,
  { network, policy }: NodeIdentity,
): PreparedChain | undefined {
  const { chain } = genesis;
  if (chain === undefined || network === undefined) return undefined;
  const { chain: chainDir, consensus, peers } = paths;
  return {
    genesis: { ...genesis, chain },
    networkId,
    genesisHash: genesisHash(genesis),
    keys: network,
    paths: { chain: chainDir, consensus, peers },
    policy,
  };
}

function rpcOptions(config: Config, dataDir: DataDir): RpcOptions {
  const { rpc } = config;
  const admin =
    rpc.adminPort < 0
      ? {}
      : { adminPort: rpc.adminPort, adminToken: readAdminToken(dataDir.paths) };
  return {
    host: rpc.host,
    port: rpc.port,
    ...admin,
    allowedHosts: rpc.allowedHosts,
    allowedOrigins: rpc.allowedOrigins,
    limits: { requestsPerSecond: rpc.requestsPerSecond, connectionsMax: rpc.connectionsMax },
  };
}

/** From `PYRALOG_PASSPHRASE`, else from the file the configuration names (K5). */
function passphraseOf(config: Config): string | undefined {
  const given = process.env['PYRALOG_PASSPHRASE'];
  if (given !== undefined || config.passphraseFile === '') return given;
  try {
    return readFileSync(config.passphraseFile, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw nodeError(
      'node/passphrase',
      `${config.passphraseFile}: cannot be read (${systemCode(cause)})`,
      { cause },
    );
  }
}
