/**
 * A node: configuration, data directory, keys, and the parts wired together.
 *
 * ```ts
 * const sources = { environment: process.env, flags: {}, workingDir: process.cwd() };
 * const node = await startNode(sources, signal);
 * await node.stopped;
 * ```
 *
 * Everything heavy (RPC, native core, YAML, TypeBox) is imported when it is needed: start-up time counts.
 */

export {
  type ClusterFile,
  type ClusterFileMember,
  clusterPolicy,
  formatClusterFile,
  formatMember,
  leastCosigners,
  parseClusterFile,
  parseMember,
  readClusterFile,
} from './cluster-file.ts';
export type { ConfigValue } from './config/fields.ts';
export type { ConfigSources, LoadedConfig } from './config/load.ts';
export { editDistance, nearestName } from './config/nearest.ts';
export type { Config } from './config/schema.ts';
export { writeConsensusFiles } from './consensus-files.ts';
export {
  createDataDir,
  DATA_DIR_VERSION,
  type DataDir,
  dataDirPaths,
  isDataDir,
  keyPath,
  openDataDir,
  readAdminToken,
} from './data-dir.ts';
export { devnetKey } from './devnet-keys.ts';
export { syncDir, writeDurably } from './durable-file.ts';
export { type NodeErrorCode, nodeError, systemCode } from './errors.ts';
export { createGenesis, formatGenesis, readGenesis } from './genesis-file.ts';
export { keyName, logOrigin, nodePolicy, writeNodeKeys } from './identity.ts';
export { idleValidator, idleValidatorText } from './idle-validator.ts';
export {
  createKey,
  formatKey,
  isKeyPurpose,
  KEY_PURPOSES,
  type Key,
  type KeyPurpose,
  type KeySummary,
  parseKey,
  readKeyFile,
  readKeySummary,
  writeKeyFile,
  writeKeyFileAnew,
} from './key-file.ts';
export { lockProcess, type ProcessLock } from './process-lock.ts';
export { type RunningNode, startNode } from './start.ts';
export { versionText } from './version.ts';

/** Lazy, because the schema's library takes longer to load than a devnet may take to start. */
export async function loadConfig(
  sources: import('./config/load.ts').ConfigSources,
): Promise<import('./config/load.ts').LoadedConfig> {
  return (await import('./config/load.ts')).loadConfig(sources);
}

/** Every setting with its names, for flags and documents. */
export async function describeConfig() {
  const [{ configFields }, { configTable, formatConfig }] = await Promise.all([
    import('./config/fields.ts'),
    import('./config/document.ts'),
  ]);
  return { fields: configFields(), table: configTable, format: formatConfig };
}
