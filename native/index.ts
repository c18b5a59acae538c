/**
 * The native core: log, Merkle trees, ids and checkpoints, behind one typed facade.
 *
 * @example
 * const core = await openCore({ dir, fileLayer: 'real', walFileBytes: 64 << 20, partitions, ... });
 * const answer = await core.propose(0, proposal, { wait: 'checkpoint', paths: true });
 * new Worker(file, { workerData: core.handle });   // there: attachCore(workerData)
 * await core.close();
 */
import { PyralogError } from '../base/errors.ts';
import { answer, ask, binding, call } from './binding.ts';
import type { Completion, NativeCheckpoint } from './pyralog.d.ts';
import type {
  ClusterCommand,
  ClusterCoreOptions,
  ClusterDone,
  ClusterServiceCommand,
  ClusterStatus,
  Core,
  CoreOptions,
  CoreStats,
  IdRun,
  MaintenanceFigures,
  ProposeAnswer,
  ProposeOptions,
  RecoveryReport,
  SignedCheckpoint,
  TreeAlgorithm,
} from './types.ts';

export { AEAD_TAG_BYTES, type AeadUse, aeadOpen, aeadSeal } from './aead.ts';
export {
  bftMessageInfo,
  bftOrder,
  bftProposer,
  encodeCommit,
  openBft,
  verifyCommit,
} from './bft.ts';
export type {
  BftCommit,
  BftCommitRefusal,
  BftCommitVerdict,
  BftCore,
  BftEffect,
  BftErrorCode,
  BftEvidence,
  BftHeight,
  BftInput,
  BftMessageInfo,
  BftOptions,
  BftRefusal,
  BftSign,
  BftStep,
  BftTimeout,
  BftValidator,
} from './bft-types.ts';
export { lockProcess, type ProcessLock } from './lock.ts';
export {
  attachLsm,
  type LsmErrorCode,
  type LsmOp,
  type LsmOptions,
  type LsmRange,
  type LsmReader,
  type LsmSnapshot,
  type LsmStats,
  type LsmStore,
  openLsm,
} from './lsm.ts';
export {
  attachObjects,
  FILE_FORMATS,
  type FileFormatName,
  type ObjectDamage,
  type ObjectErrorCode,
  type ObjectStats,
  type ObjectStore,
  type ObjectStoreOptions,
  openObjects,
  readFileReference,
  referToFile,
  type StoredObject,
  type SweepFigures,
  verifyFile,
} from './object.ts';
export { dieWithParent } from './parent.ts';
export {
  checkStore,
  type ExportForm,
  exportStore,
  type OffsetRange,
  type RepairCallOptions,
  type RepairErrorCode,
  type RepairProgress,
  rebuildStoreIndex,
  repairStore,
  type SegmentTotals,
  type StoreExport,
  type StoreFigures,
  type StoreFinding,
  type StoreRepair,
  type StoreReport,
  storeFigures,
} from './repair.ts';
export {
  attachSchemas,
  openSchemas,
  type SchemaErrorCode,
  type SchemaRegistry,
  type SchemaRule,
  type SchemaStats,
  type SchemaSubject,
} from './schema.ts';
export {
  openSegment,
  rebuildSegment,
  type Segment,
  type SegmentDamage,
  type SegmentErrorCode,
  type SegmentPlace,
  sealSegment,
} from './segment.ts';
export {
  blake3Derived,
  blake3DerivedMany,
  blake3Hash,
  blake3Keyed,
  blake3KeyedMany,
  packSignatures,
  publicKeyEd25519,
  type SignatureErrorCode,
  type SignatureItem,
  signEd25519,
  verifySignatures,
  verifySignaturesSync,
} from './sig.ts';
export {
  attachStateTree,
  openStateTree,
  packStateChanges,
  type StateErrorCode,
  type StateTree,
  type StateTreeStats,
  type StateVersion,
} from './state.ts';
export { type History, openHistory, type TreeErrorCode, treePath, treeRoot } from './tree.ts';
export type {
  AgreedConsumers,
  AgreedMember,
  AgreedPartition,
  AgreedState,
  ClusterCommand,
  ClusterCoreOptions,
  ClusterDone,
  ClusterMember,
  ClusterPartitionStatus,
  ClusterServiceCommand,
  ClusterStatus,
  Core,
  CoreOptions,
  CoreStats,
  DurabilityPolicy,
  IdRun,
  MaintenanceFigures,
  MaintenanceOptions,
  NativeErrorCode,
  PartitionOptions,
  PartitionPolicy,
  ProposeAnswer,
  ProposeOptions,
  RecoveryReport,
  SignedCheckpoint,
  TreeAlgorithm,
} from './types.ts';

/**
 * Opens the store in `options.dir` and starts its threads.
 *
 * Rejects with `storage/locked`, `storage/format`, `storage/disk-full`, `storage/io`. A damaged log opens read-only
 * (W8): see {@link Core.recovery}.
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const native = {
    dir: options.dir,
    loseUnsynced: options.fileLayer === 'lose-unsynced',
    walFileBytes: options.walFileBytes,
    partitions: options.partitions.map((partition) => ({ durability: 'sync', ...partition })),
    coordinator: options.coordinator,
    cosignerName: options.cosigner.name,
    cosignerSeed: options.cosigner.seed,
    ...(options.logSeed === undefined ? {} : { logSeed: options.logSeed }),
    checkpointMsMin: options.checkpointMsMin,
    leadMsMax: options.leadMsMax,
    queueBytesMax: options.queueBytesMax,
    ...(options.maintenance === undefined ? {} : { maintenance: options.maintenance }),
    syncIntervalMs: options.syncIntervalMs ?? 100,
    changeDurability: options.changeDurability ?? false,
    ...(options.cluster === undefined ? {} : { cluster: clusterOf(options.cluster) }),
  };
  const opened = await call((channel, token) => binding.openCore(native, channel, token));
  return new NativeCore(opened.handle ?? 0);
}

function clusterOf(cluster: ClusterCoreOptions) {
  const { members, founders = [] } = cluster;
  return { ...cluster, members: [...members], founders: [...founders] };
}

/** A handle of this thread to a core that another thread opened. Throws `log/closed` when it is closed. */
export function attachCore(handle: number): Core {
  return new NativeCore(handle);
}

class NativeCore implements Core {
  readonly handle: number;
  readonly recovery: RecoveryReport;

  constructor(handle: number) {
    this.handle = handle;
    this.recovery = ask(() => binding.recovery(handle));
  }

  async propose(
    partition: number,
    proposal: Uint8Array,
    options: ProposeOptions,
  ): Promise<ProposeAnswer> {
    if (options.paths && options.wait !== 'checkpoint') {
      throw new PyralogError('batch/malformed', "paths are asked for: set wait to 'checkpoint'");
    }
    const everywhere = options.acks === 'all' ? 3 : 0;
    const wait = everywhere + (options.wait === 'durable' ? 0 : options.paths ? 2 : 1);
    const done = await call((channel, token) =>
      binding.propose(this.handle, partition, proposal, wait, channel, token),
    );
    return {
      epoch: done.epoch ?? 0,
      outcomes: done.outcomes ?? new Uint8Array(),
      durability: done.durable === true ? 'durable' : 'accepted',
      ...(done.note === undefined ? {} : { checkpoint: checkpointOf(done) }),
      ...(done.paths === undefined ? {} : { paths: done.paths }),
    };
  }

  async clusterStatus(): Promise<ClusterStatus> {
    const done = await call((channel, token) => binding.clusterStatus(this.handle, channel, token));
    return done.cluster ?? { partitions: [], peers: [] };
  }

  async clusterCommand(command: ClusterCommand): Promise<void> {
    await call((channel, token) => binding.clusterCommand(this.handle, command, channel, token));
  }

  async clusterService(command: ClusterServiceCommand): Promise<ClusterDone> {
    const { logs, partitions, offsets, ...rest } = command;
    const native = {
      ...rest,
      ...(logs === undefined ? {} : { logs: [...logs] }),
      ...(partitions === undefined ? {} : { partitions: [...partitions] }),
      ...(offsets === undefined ? {} : { offsets: [...offsets] }),
    };
    const { done } = await call((channel, token) =>
      binding.clusterService(this.handle, native, channel, token),
    );
    return done ?? {};
  }

  async readIndex(partition: number): Promise<number> {
    const done = await call((channel, token) =>
      binding.readIndex(this.handle, partition, channel, token),
    );
    return done.size ?? 0;
  }

  async transfer(partition: number, to: number): Promise<void> {
    await call((channel, token) => binding.transfer(this.handle, partition, to, channel, token));
  }

  async reserveIds(count: number): Promise<IdRun[]> {
    const { bytes = Buffer.alloc(0) } = await answer(() => binding.reserveIds(this.handle, count));
    return Array.from({ length: bytes.length / 16 }, (_, place) => ({
      first: bytes.readBigUInt64LE(place * 16),
      count: bytes.readUInt32LE(place * 16 + 8),
    }));
  }

  durableSize(partition: number): number {
    return ask(() => binding.durableSize(this.handle, partition));
  }

  firstOffset(partition: number): number {
    return ask(() => binding.firstOffset(this.handle, partition));
  }

  read(partition: number, offset: number, maxBytes: number): Uint8Array {
    return ask(() => binding.read(this.handle, partition, offset, maxBytes));
  }

  offsetOfId(partition: number, id: bigint): number | undefined {
    return ask(() => binding.offsetOfId(this.handle, partition, id)) ?? undefined;
  }

  offsetsOfDigest(partition: number, multihash: Uint8Array, limit: number): number[] {
    return ask(() => binding.offsetsOfDigest(this.handle, partition, multihash, limit));
  }

  offsetOfKey(partition: number, key: Uint8Array, asOfMs?: number): number | undefined {
    return ask(() => binding.offsetOfKey(this.handle, partition, key, asOfMs)) ?? undefined;
  }

  offsetOfTime(partition: number, ms: number): number | undefined {
    return ask(() => binding.offsetOfTime(this.handle, partition, ms)) ?? undefined;
  }

  root(partition: number, size: number, algorithm: TreeAlgorithm): Uint8Array {
    return ask(() => binding.root(this.handle, partition, size, algorithm === 'sha256'));
  }

  inclusion(partition: number, index: number, size: number, algorithm: TreeAlgorithm): Uint8Array {
    const sha256 = algorithm === 'sha256';
    return ask(() => binding.inclusion(this.handle, partition, index, size, sha256));
  }

  consistency(partition: number, from: number, to: number, algorithm: TreeAlgorithm): Uint8Array {
    const sha256 = algorithm === 'sha256';
    return ask(() => binding.consistency(this.handle, partition, from, to, sha256));
  }

  checkpoint(partition: number): SignedCheckpoint | undefined {
    const newest = ask(() => binding.checkpoint(this.handle, partition));
    return newest ? checkpointOf(newest) : undefined;
  }

  async checkpointAt(partition: number, size: number): Promise<SignedCheckpoint> {
    return checkpointOf(
      await call((channel, token) =>
        binding.checkpointAt(this.handle, partition, size, channel, token),
      ),
    );
  }

  stats(): CoreStats {
    return ask(() => binding.stats(this.handle));
  }

  maintenance(): MaintenanceFigures {
    return ask(() => binding.maintenance(this.handle));
  }

  async close(): Promise<void> {
    await call((channel, token) => binding.closeCore(this.handle, channel, token));
  }
}

function checkpointOf(from: Completion | NativeCheckpoint): SignedCheckpoint {
  return {
    size: from.size ?? 0,
    note: from.note ?? '',
    ...(from.sha256Note === undefined ? {} : { sha256Note: from.sha256Note }),
  };
}
