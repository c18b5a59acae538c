import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import type { Logger } from '../base/log.ts';
import type { AckPolicy } from '../consensus/index.ts';
import type {
  Core,
  CoreOptions,
  ObjectStore,
  PartitionOptions,
  SchemaRegistry,
} from '../native/index.ts';
import type {
  AdminActions,
  ClusterAccess,
  ClusterReads,
  NodeInfo,
  RpcOptions,
  RpcServer,
} from '../rpc/index.ts';
import type { RecordStoreOptions } from '../storage/index.ts';
import type { RemoteChain } from './chain-remote.ts';
import { systemClock } from './clock.ts';
import type { ClusterFile } from './cluster-file.ts';
import type { Config } from './config/schema.ts';
import { handOver } from './hand-over.ts';
import type { ClusterIdentity, NodeIdentity } from './identity.ts';
import type { PreparedChain, PreparedMember } from './prepared.ts';
import { maintenanceOf, policyOf } from './retention.ts';
import { storeFailure } from './store-failure.ts';

/**
 * Wires the parts of a node together: the only file that names concrete implementations. Its imports are lazy, because
 * main thread and RPC thread each need one half and start-up time counts.
 */

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** What the native core is opened with. */
export function coreOptions(dir: string, config: Config, identity: NodeIdentity): CoreOptions {
  const { store } = config;
  return {
    dir,
    fileLayer: store.fileLayer,
    walFileBytes: store.walFileMiB * MIB,
    partitions: partitionsOf(config, identity.origin),
    coordinator: identity.cluster?.self.number ?? store.coordinator,
    cosigner: { name: identity.cosigning.name, seed: identity.cosigning.seed },
    ...(identity.log === undefined ? {} : { logSeed: identity.log.seed }),
    checkpointMsMin: store.checkpointMsMin,
    leadMsMax: store.leadMsMax,
    queueBytesMax: store.queueMiB * MIB,
    maintenance: maintenanceOf(config),
    syncIntervalMs: store.syncIntervalMs,
    changeDurability: store.changeDurability,
    ...(identity.cluster === undefined
      ? {}
      : { cluster: clusterOptions(config, identity.cluster) }),
  };
}

function clusterOptions(config: Config, { file, self, tunnel }: ClusterIdentity) {
  return {
    id: file.id,
    node: self.number,
    transportSeed: tunnel.seed,
    listen: config.cluster.listen === '' ? self.address : config.cluster.listen,
    members: file.members.map((member) => ({
      node: member.number,
      transport: member.tunnel,
      address: member.address,
      ...(member.rpc === undefined ? {} : { rpc: member.rpc }),
      cosignerName: member.cosigner.name,
      cosigner: member.cosigner.publicKey,
    })),
    founders: file.founders,
    cosigners: file.cosigners,
    faults: file.faults,
    // Members that drew the same timeouts would campaign against each other.
    seed: randomInt(2 ** 47),
  };
}

export function recordOptions({ store }: Config): RecordStoreOptions {
  const { inlineKiB, filesDir } = store;
  return { inlineBytesMax: inlineKiB * KIB, ...(filesDir === '' ? {} : { filesRoot: filesDir }) };
}

export function partitionsOf(config: Config, origin: string): PartitionOptions[] {
  const { store } = config;
  return [
    {
      origin,
      sha256: store.sha256Tree,
      dedupWindowMs: store.dedupHours * 3_600_000,
      dedupRecords: store.dedupRecords,
      durability: store.durability,
      policy: policyOf(config),
    },
  ];
}

/** Main thread: the one core of this process. Rejects with a `NativeErrorCode`. */
export async function composeCore(options: CoreOptions): Promise<Core> {
  const { openCore } = await import('../native/index.ts');
  return openCore(options);
}

/** What lies beside the logs (docs/spec/datadir.md D1). */
export interface Payloads {
  readonly objects: ObjectStore;
  readonly schemas: SchemaRegistry;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Main thread: within the store whose lock the core holds. Rejects with an `ObjectErrorCode` or a `SchemaErrorCode`. */
export async function composePayloads({
  dir,
  fileLayer,
}: Pick<CoreOptions, 'dir' | 'fileLayer'>): Promise<Payloads> {
  const { openObjects, openSchemas } = await import('../native/index.ts');
  const objects = await openObjects(join(dir, 'objects'), { fileLayer });
  try {
    const file = join(dir, 'schemas');
    const schemas = await openSchemas(file, { fileLayer, despiteDamage: true });
    return {
      objects,
      schemas,
      close: async () => {
        schemas.close();
        await objects.close();
      },
    };
  } catch (error) {
    await objects.close();
    throw error;
  }
}

export interface ServiceParts {
  /** Handles of what the main thread opened. */
  readonly coreHandle: number;
  readonly objectsHandle: number;
  readonly schemasHandle: number;
  readonly partitions: readonly PartitionOptions[];
  /** Of the cluster this node is in; none for a lone node. */
  readonly members: readonly PreparedMember[];
  /** Whose disks have a record before it is acknowledged (CG10). */
  readonly acks: AckPolicy;
  readonly checkpointMsMin: number;
  readonly recordOptions: RecordStoreOptions;
  readonly info: NodeInfo;
  readonly rpc: RpcOptions;
  readonly logger: Logger;
  readonly admin: Pick<AdminActions, 'shutdown' | 'setLogLevel'>;
  /** Both present exactly when the node is on a chain. */
  readonly chain: PreparedChain | undefined;
  readonly chainPort: MessagePort | undefined;
  readonly clusterFile: ClusterFile | undefined;
  /** Cluster name. */
  readonly cluster: string;
  /** Node name. */
  readonly name: string;
  /** Written by the main thread, read by the metrics of this one. */
  readonly shared: SharedArrayBuffer;
}

/** What runs in the RPC thread. `stop` answers what was taken; the core stays the main thread's. */
export interface Service {
  readonly rpc: RpcServer;
  stop(signal: AbortSignal): Promise<void>;
}

/** Modules of the RPC thread, loaded while the main thread still opens the core. */
export async function loadServiceModules() {
  const [
    rpc,
    notary,
    consensus,
    storage,
    native,
    receipt,
    bridge,
    remote,
    status,
    metrics,
    payloadMetrics,
    networkMetrics,
    clusterAccess,
    clusterMetrics,
    clusterReads,
  ] = await Promise.all([
    import('../rpc/index.ts'),
    import('../notary/index.ts'),
    import('../consensus/index.ts'),
    import('../storage/index.ts'),
    import('../native/index.ts'),
    import('../receipt/index.ts'),
    import('./bridge.ts'),
    import('./chain-remote.ts'),
    import('./node-status.ts'),
    import('./metrics.ts'),
    import('./payload-metrics.ts'),
    import('./network-metrics.ts'),
    import('./cluster-access.ts'),
    import('./cluster-metrics.ts'),
    import('./cluster-reads.ts'),
  ]);
  return {
    rpc,
    notary,
    consensus,
    storage,
    native,
    receipt,
    bridge,
    remote,
    status,
    metrics,
    payloadMetrics,
    networkMetrics,
    clusterAccess,
    clusterMetrics,
    clusterReads,
  };
}

type ServiceModules = Awaited<ReturnType<typeof loadServiceModules>>;

/** RPC thread: notary and RPC server over the shared core. */
export async function composeService(
  modules: ServiceModules,
  parts: ServiceParts,
): Promise<Service> {
  const core = modules.native.attachCore(parts.coreHandle);
  const { partitions, logger } = parts;
  const replicator = replicatorOf(modules, core, parts);
  const logStore = modules.storage.openNativeLogStore(core, partitions);
  const objects = modules.native.attachObjects(parts.objectsHandle);
  const schemas = modules.native.attachSchemas(parts.schemasHandle);
  const records = modules.storage.createRecordStore(
    { log: replicator, logStore, objects, schemas },
    parts.recordOptions,
  );
  const remote = remoteOf(modules, parts);
  const notary = modules.notary.createNotary(
    {
      replicator,
      checkpoints: replicator,
      logStore,
      clock: systemClock,
      ...(remote === undefined ? {} : { anchors: remote.anchors }),
    },
    { checkpointMsMin: parts.checkpointMsMin },
  );
  const registry = modules.metrics.createRegistry();
  modules.metrics.exportNodeMetrics({ registry, core, logStore, shared: parts.shared });
  modules.payloadMetrics.exportPayloadMetrics({ registry, objects, schemas });
  if (remote !== undefined) modules.networkMetrics.exportNetworkMetrics(registry, remote.figures);
  const cluster = clusterOf(modules, core, parts);
  if (cluster !== undefined) modules.clusterMetrics.exportClusterMetrics(registry, cluster);
  const rpc = await modules.rpc.startRpcServer(
    {
      notary,
      info: () => parts.info,
      readiness: () => readinessOf(core),
      logger,
      metrics: registry,
      ...(remote === undefined ? {} : { chain: remote.access }),
      ...(cluster === undefined ? {} : { cluster: readsOf(modules, core, cluster, parts) }),
      admin: {
        ...parts.admin,
        stats: () => ({ ...core.stats() }),
        status: () =>
          modules.status.nodeStatus({ name: parts.name, info: parts.info, logStore, remote }),
        store: { records, logStore, schemas },
        ...(remote === undefined ? {} : { network: remote.actions }),
        ...(cluster === undefined ? {} : { cluster }),
      },
    },
    parts.rpc,
  );
  return {
    rpc,
    async stop(signal) {
      // Calls that come meanwhile are still answered: they go to whoever leads then.
      if (cluster !== undefined) await handOver(cluster, logger, signal);
      await rpc.stop(signal);
      await Promise.all([notary.drain(), records.close()]);
      replicator.stop();
      remote?.close();
    },
  };
}

/** The log's own, or that of the cluster this node is a member of. */
function replicatorOf(
  { consensus }: ServiceModules,
  core: Core,
  { partitions, members, acks, logger }: ServiceParts,
) {
  if (members.length === 0) {
    return { ...consensus.createSoloReplicator(core, partitions.length), stop: () => {} };
  }
  return consensus.createClusterReplicator(core, {
    partitions,
    replicas: members.length,
    acks,
    names: new Map(members.map(({ number, name }) => [number, name])),
    onError: (err) => logger.warn({ err }, 'the roles of this node cannot be asked for'),
  });
}

/** For a member of a cluster: what its operator may ask and order. */
function clusterOf(
  { clusterAccess }: ServiceModules,
  core: Core,
  { members, cluster, name, partitions, clusterFile: file }: ServiceParts,
): ClusterAccess | undefined {
  if (file === undefined) return undefined;
  const origins = partitions.map(({ origin }) => origin);
  return clusterAccess.createClusterAccess({ core, file, cluster, self: name, members, origins });
}

function readsOf(
  { clusterReads }: ServiceModules,
  core: Core,
  access: ClusterAccess,
  { name: self, partitions }: ServiceParts,
): ClusterReads {
  const origins = partitions.map(({ origin }) => origin);
  const now = () => performance.now();
  return clusterReads.createClusterReads({ core, access, self, origins, now });
}

function remoteOf(
  { remote, bridge, receipt }: ServiceModules,
  { chain, chainPort }: ServiceParts,
): RemoteChain | undefined {
  if (chain === undefined || chainPort === undefined) return undefined;
  return remote.remoteChain(bridge.connectBridge(chainPort), {
    genesis: receipt.formatGenesisJson(chain.genesis),
    parameters: chain.genesis.chain.parameters,
  });
}

function readinessOf(core: Core): { ready: boolean; reasons: string[] } {
  const stats = core.stats();
  const failure = storeFailure(stats);
  const reasons = [
    ...(failure === undefined ? [] : [failure]),
    ...(stats.diskFull ? ['the disk is full'] : []),
    ...(stats.clock === undefined ? [] : [stats.clock]),
  ];
  return { ready: reasons.length === 0, reasons };
}
