/**
 * What the native core looks like from TypeScript. Packed formats: docs/spec/batch.md.
 *
 * One core per data directory and process; {@link attachCore} gives every worker thread its own handle to it. All
 * calls are safe from any thread. Sizes and offsets are numbers (at most 2^53 - 1, checked); ids are bigints.
 */

/** Which Merkle tree over the same records. */
export type TreeAlgorithm = 'blake3' | 'sha256';

/** Codes of errors that come out of the native core. Each is explained where it is raised. */
export type NativeErrorCode =
  /** No room for the next log file, or for a window of ids. Nothing was written; try again when there is space. */
  | 'storage/disk-full'
  /** The log is damaged or was opened read-only; appends are refused. */
  | 'storage/read-only'
  /** A write or fdatasync failed; whether the batch is on disk is unknown until the next start. */
  | 'storage/poisoned'
  /** Damage behind synced data, or a record that does not hash to its leaf. */
  | 'storage/corrupt'
  /** Another process holds the lock. */
  | 'storage/locked'
  /** The directory was written by a newer version or belongs to another store. */
  | 'storage/format'
  /** The operating system refused a file operation. */
  | 'storage/io'
  /** Malformed packed bytes. */
  | 'batch/malformed'
  /** Bounded queue is full; retry. */
  | 'log/overloaded'
  /** Logical time is too far ahead of the wall clock; retry. */
  | 'log/clock-behind'
  /** Outcome unknown: the call was given up while its entry was on the way. */
  | 'log/outcome-unknown'
  /** This node does not lead the partition, and nobody who does could be asked: nothing was taken; retry. */
  | 'log/not-leader'
  /** The partition's group stopped here, with the reason: nothing was taken. */
  | 'log/group-stopped'
  /** Offset, size or partition that does not exist. */
  | 'log/out-of-range'
  /** The core was closed. */
  | 'log/closed'
  /** The cluster refused a command, with the reason; it changed nothing. */
  | 'cluster/refused';

/**
 * What an answer of an unreplicated log stands for (wal.md W16): `sync` its records are on disk; `interval` they were written, and
 * are synced soon; `memory` they were applied, and reach the disk with a later sync. Only `sync` answers `durable`.
 */
export type DurabilityPolicy = 'sync' | 'interval' | 'memory';

export interface PartitionOptions {
  /** Origin of its checkpoints (identity.md I4). Partition number = position in the list. */
  readonly origin: string;
  /** Keeps a SHA-256 RFC 6962 tree beside the BLAKE3 one. */
  readonly sha256: boolean;
  readonly dedupWindowMs: number;
  readonly dedupRecords: number;
  /** Recorded in the log; another one than there is refused unless {@link CoreOptions.changeDurability}. Default `sync`. */
  readonly durability?: DurabilityPolicy;
  /** Taken as it is given at each opening; default: everything is kept as it was sealed. */
  readonly policy?: PartitionPolicy;
}

/** What happens to a partition's sealed records as they age (manifest.md Y10). What is left out is off: all is kept for ever. */
export interface PartitionPolicy {
  /** Neighbouring segments are merged while they hold fewer raw bytes together than this. */
  readonly mergeBytes?: number;
  /** Of records with the same key only the latest is kept (Y13). Leaf hashes of all are, so that every proof goes on working. */
  readonly latestByKey?: boolean;
  /** How long after its time a tombstone is kept at least; a day when left out. */
  readonly tombstoneMs?: number;
  /** Most raw bytes of records; the oldest segments above it go (Y15). */
  readonly retainBytes?: number;
  /** Greatest age of a segment's last record. */
  readonly retainMs?: number;
  /** First offset that is wanted. */
  readonly retainFrom?: number;
  /** Age of a segment's last record at which it becomes Parquet. */
  readonly coldAfterMs?: number;
}

/** How maintenance goes about its work (Y16). */
export interface MaintenanceOptions {
  /** How often to look for work, besides after each seal. */
  readonly tickMs: number;
  /** What it may read and write, 0 for no limit. */
  readonly bytesPerSecond: number;
}

export interface CoreOptions {
  /** Directory of the store (`<datadir>/store`); created when missing. */
  readonly dir: string;
  /** `lose-unsynced` keeps writes in memory until fdatasync, so that kill -9 loses what a power cut would. Tests only. */
  readonly fileLayer: 'real' | 'lose-unsynced';
  readonly walFileBytes: number;
  readonly partitions: readonly PartitionOptions[];
  readonly coordinator: number;
  /** Key name and 32-byte Ed25519 seed of this replica's cosignatures. */
  readonly cosigner: { readonly name: string; readonly seed: Uint8Array };
  /** 32-byte seed of the log key that signs the SHA-256 tree's note; needed when a partition keeps that tree. */
  readonly logSeed?: Uint8Array;
  /** Least distance between checkpoints nobody waits for, per partition. */
  readonly checkpointMsMin: number;
  readonly leadMsMax: number;
  /** Bound of proposals waiting in the queue; beyond it `log/overloaded`. */
  readonly queueBytesMax: number;
  /** Compaction, retention and ageing; default: a look every ten seconds, 32 MiB a second. */
  readonly maintenance?: MaintenanceOptions;
  /** Longest time until records of an `interval` log are synced; ten times that for `memory` (W16). Default 100. */
  readonly syncIntervalMs?: number;
  /** Take a durability other than the recorded one, and record it. Default false. */
  readonly changeDurability?: boolean;
  /** Its partitions are replicated (raft.md). */
  readonly cluster?: ClusterCoreOptions;
}

/** A member of a cluster as the others know it. */
export interface ClusterMember {
  /** 1 to 1,023, its own for ever (RF1). */
  readonly node: number;
  /** 32-byte X25519 public key of its links (LK1). */
  readonly transport: Uint8Array;
  /** Where it listens for members, `host:port`. */
  readonly address: string;
  /** Where clients reach it. */
  readonly rpc?: string;
  /** Name and 32-byte Ed25519 public key of its cosignatures (CO4). */
  readonly cosignerName: string;
  readonly cosigner: Uint8Array;
}

/** A store whose partitions are replicated on all members. */
export interface ClusterCoreOptions {
  /** 32 bytes; nothing of another cluster is let in (LK3). */
  readonly id: Uint8Array;
  /** This node's number. */
  readonly node: number;
  /** 32-byte seed of its transport key. */
  readonly transportSeed: Uint8Array;
  /** IP address and port to listen on for members. */
  readonly listen: string;
  /** Those known before the cluster says who they are, this one included. */
  readonly members: readonly ClusterMember[];
  /** Numbers of those that founded it, the same on every node (CG7); none for all members. */
  readonly founders?: readonly number[];
  /** Signatures that make a checkpoint at least (CO4). */
  readonly cosigners: number;
  /** Replicas that may lie or be restored from a backup (CO4). */
  readonly faults: number;
  /** Election timeouts are drawn from it; another one at every opening. */
  readonly seed: number;
}

/** A partition's group, seen from one node. */
export interface ClusterPartitionStatus {
  readonly partition: number;
  readonly leads: boolean;
  /** Another node that leads, as far as this one knows. */
  readonly leader?: number;
  readonly epoch: number;
  /** Log indexes: committed, applied here, newest here. */
  readonly commit: number;
  readonly applied: number;
  readonly last: number;
  /** Told by a leader: the newest index that each member is known to have on disk. */
  readonly replicas: readonly { readonly node: number; readonly index: number }[];
  /** Who votes in it, and who gets its entries only. */
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** Why the group is not well; absent when it is. */
  readonly problem?: string;
}

/** A link, seen from one node. */
export interface ClusterPeerStatus {
  readonly node: number;
  readonly up: boolean;
  /** Why its newest connection came to nothing, of the last half minute. */
  readonly problem?: string;
}

/** A member as the cluster knows it (GR4). */
export interface AgreedMember {
  readonly node: number;
  readonly name: string;
  readonly address: string;
  /** Where clients reach it; empty when nobody said. */
  readonly rpc: string;
  readonly transport: Uint8Array;
  readonly cosignerName: string;
  readonly cosigner: Uint8Array;
  readonly zone: string;
  readonly rack: string;
  readonly weight: number;
  readonly status: string;
}

/** A partition as the cluster knows it (GR6 to GR9). */
export interface AgreedPartition {
  readonly partition: number;
  readonly log: string;
  readonly origin: string;
  readonly status: string;
  /** Slots of the key space that it owns, the second one excluded (PM1). */
  readonly from: number;
  readonly to: number;
  readonly parents: readonly number[];
  readonly successors: readonly number[];
  readonly seal?: { readonly size: number; readonly root: Uint8Array };
  /** Who should vote in its group, and who does as its leader reported last. */
  readonly wanted: readonly number[];
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  readonly leader?: number;
}

/** What the members agree on beside their logs (cluster-group.md). */
export interface AgreedState {
  /** Newest entry of the cluster group in it. */
  readonly index: number;
  readonly epoch: number;
  /** Replicas of a partition, and how many of them may lie (GR10). */
  readonly voters: number;
  readonly faults: number;
  /** All that ever were. */
  readonly members: readonly AgreedMember[];
  readonly partitions: readonly AgreedPartition[];
  readonly locks: readonly AgreedLock[];
  readonly consumers: readonly AgreedConsumers[];
}

/** What can be asked of the cluster group (GR5). */
export type ClusterCommand =
  | {
      readonly kind: 'add-member';
      readonly member: {
        readonly node: number;
        readonly name: string;
        readonly address: string;
        readonly transport: Uint8Array;
        readonly cosignerName: string;
        readonly cosigner: Uint8Array;
        readonly rpc?: string;
        readonly zone?: string;
        readonly rack?: string;
        readonly weight?: number;
      };
    }
  | { readonly kind: 'drain' | 'undrain' | 'remove-member' | 'mark-dead'; readonly node: number }
  | { readonly kind: 'set-replication'; readonly voters: number; readonly faults: number };

/** A lock of the cluster (GR14). */
export interface AgreedLock {
  readonly name: string;
  readonly owner: string;
  /** What the lock guards takes nothing with a smaller one (GR11). */
  readonly fence: number;
  readonly expiresMs: number;
  readonly waiting: number;
}

/** A consumer group (GR15, GR16). */
export interface AgreedConsumers {
  readonly name: string;
  readonly logs: readonly string[];
  readonly generation: number;
  readonly consumers: readonly {
    readonly name: string;
    readonly held: readonly number[];
    readonly expiresMs: number;
  }[];
  /** Partitions that an offset was committed of, and beside each the offset of the next record to read. */
  readonly partitions: readonly number[];
  readonly offsets: readonly number[];
}

/** What the cluster gives to applications: coordinator numbers (GR13), locks (GR14), consumer groups (GR15). */
export interface ClusterServiceCommand {
  readonly kind:
    | 'assign-coordinator'
    | 'renew-coordinator'
    | 'release-coordinator'
    | 'acquire-lock'
    | 'renew-lock'
    | 'release-lock'
    | 'withdraw-lock'
    | 'join-consumers'
    | 'leave-consumers'
    | 'consumer-heartbeat'
    | 'commit-offsets'
    | 'forget-consumers';
  /** Of a lock, a consumer group, or who asks for a coordinator number. */
  readonly name: string;
  /** Owner of a lock, member of a consumer group. */
  readonly who?: string;
  readonly ttlMs?: number;
  /** Take a place in the queue of a lock that somebody has. */
  readonly wait?: boolean;
  /** Coordinator number. */
  readonly number?: number;
  readonly fence?: number;
  readonly logs?: readonly string[];
  /** Cooperative-sticky assignment (GR17); else by ranges. Default true. */
  readonly sticky?: boolean;
  readonly generation?: number;
  /** Those let go of in a heartbeat, or those of `offsets`. */
  readonly partitions?: readonly number[];
  readonly offsets?: readonly number[];
}

/** What a command came to; which fields there are follows from the command. Times are Unix milliseconds. */
export interface ClusterDone {
  readonly number?: number;
  readonly fence?: number;
  /** Times for ids begin here: an earlier holder of the number may have used those before (GR13). */
  readonly fromMs?: number;
  readonly expiresMs?: number;
  /** Places before the caller's in the queue of a lock. */
  readonly before?: number;
  readonly generation?: number;
  readonly assigned?: readonly number[];
  /** To be let go of, and said in the next heartbeat. */
  readonly revoked?: readonly number[];
}

export interface ClusterStatus {
  readonly partitions: readonly ClusterPartitionStatus[];
  readonly peers: readonly ClusterPeerStatus[];
  /** The cluster group. */
  readonly group?: ClusterPartitionStatus;
  /** Absent until this node heard how the cluster stands. */
  readonly agreed?: AgreedState;
  /** What of it could not be brought about here, and why. */
  readonly problem?: string;
  /** Why somebody who is no member was turned away in the last half minute. */
  readonly stranger?: string;
}

/** How the last opening went; printed by `doctor` and logged at start. */
export interface RecoveryReport {
  readonly clean: boolean;
  readonly readOnly: boolean;
  /** Bytes of a torn tail that were cut, 0 if none. */
  readonly cutBytes: number;
  /** Entries replayed: none after a clean stop (wal.md W17). */
  readonly entries: number;
  /** Records of all partitions. */
  readonly records: number;
  /** Merkle hashes computed while opening (merkle.md M6). */
  readonly hashes: number;
  /** What is damaged and where, when `readOnly`. */
  readonly damage?: string;
  readonly millis: number;
}

export interface SignedCheckpoint {
  readonly size: number;
  /** The C2SP note (checkpoint.md). */
  readonly note: string;
  /** The SHA-256 tree's note, when the partition keeps one (C8). */
  readonly sha256Note?: string;
}

export interface ProposeAnswer {
  readonly epoch: number;
  /** Packed outcomes, 40 bytes a record (batch.md B4). */
  readonly outcomes: Uint8Array;
  /** `accepted`: a crash may lose these records, the last first (W16); readers do not see them yet. */
  readonly durability: 'durable' | 'accepted';
  /** Present when the call waited for `checkpoint`. */
  readonly checkpoint?: SignedCheckpoint;
  /** Per record u8 number of hashes, then the inclusion path against `checkpoint.size`. Present with `paths: true`. */
  readonly paths?: Uint8Array;
}

export interface ProposeOptions {
  /** `durable` is answered as the log's policy promises it: see {@link ProposeAnswer.durability}. */
  readonly wait: 'durable' | 'checkpoint';
  /** Also return inclusion paths; needs `wait: 'checkpoint'`. */
  readonly paths: boolean;
  /** Which voters have the records on disk before the answer (cluster.md CG10); default `majority`. A lone log has one. */
  readonly acks?: 'majority' | 'all';
}

export interface CoreStats {
  readonly fdatasyncs: number;
  readonly groupCommits: number;
  readonly entries: number;
  readonly records: number;
  /** Submissions that were there already (N1). */
  readonly duplicates: number;
  /** Those of them that were recognised by their idempotency key; the others by submitter and content. */
  readonly duplicatesByKey: number;
  readonly conflicts: number;
  readonly checkpoints: number;
  readonly walBytes: number;
  readonly queueBytes: number;
  /** Latency of group commits, seconds, and their number: sum and count since start. */
  readonly syncSecondsSum: number;
  /** Records answered `accepted` that are not durable yet, over all partitions (W16). */
  readonly acceptedRecords: number;
  readonly diskFull: boolean;
  /** Why the clock keeps ids, and so records, from being given (`log/clock-behind`). */
  readonly clock?: string;
  /** The store is damaged: found by the opening, or by the check that goes on behind it. */
  readonly readOnly: boolean;
  /** A write or fdatasync failed. */
  readonly poisoned: boolean;
  /** Why nothing is appended any more, when `readOnly` or `poisoned`. */
  readonly failure?: string;
}

/** Compaction, retention and ageing (manifest.md Y13 to Y16). */
export interface MaintenanceFigures {
  /** Partition of the work under way; absent when there is none. */
  readonly partition?: number;
  /** `retain`, `merge`, `compact` or `age`. */
  readonly kind?: string;
  readonly workDoneBytes: number;
  readonly workTotalBytes: number;
  readonly merges: number;
  readonly retentions: number;
  readonly ageings: number;
  /** Raw bytes of records read by all work. */
  readonly bytesDone: number;
  readonly filesDeleted: number;
  readonly failures: number;
  /** Why the newest failure happened, until a later piece of work is done. */
  readonly lastError?: string;
  /** Sealed segments now, and those with a quarantined range (Y8). */
  readonly segments: number;
  readonly quarantined: number;
  readonly openFiles: number;
}

/** Consecutive Scarab ids: `first`, `first + 1n`, … */
export interface IdRun {
  readonly first: bigint;
  readonly count: number;
}

export interface Core {
  /** Give this to a worker thread; it calls {@link attachCore}. */
  readonly handle: number;
  readonly recovery: RecoveryReport;

  /** Orders, stores and applies a packed proposal (batch.md B1 or B2). Rejects with a {@link NativeErrorCode}. */
  propose(partition: number, proposal: Uint8Array, options: ProposeOptions): Promise<ProposeAnswer>;

  /**
   * Takes ids (1 to 1,048,576) out of the sequence that records get theirs from, ascending; nobody gets them again (scarab.md
   * S8). Rejects with `log/clock-behind` or `storage/disk-full`, both to be tried again later, or with what appends are refused with.
   */
  reserveIds(count: number): Promise<IdRun[]>;

  /**
   * Has the cluster carry out a command, wherever it is led. Rejects with `cluster/refused`, with `log/not-leader` when nobody
   * leads it, with `log/outcome-unknown` when it may have been done: it can be repeated.
   */
  clusterCommand(command: ClusterCommand): Promise<void>;
  /** As {@link Core.clusterCommand}, for what applications ask of the cluster. */
  clusterService(command: ClusterServiceCommand): Promise<ClusterDone>;
  /** Groups and links of a replicated store; empty for a lone one. */
  clusterStatus(): Promise<ClusterStatus>;
  /**
   * Resolves with the size of the partition once everything acknowledged before the call can be read here (RF12). Rejects with
   * `log/not-leader` when no leader answered in time.
   */
  readIndex(partition: number): Promise<number>;
  /** Hands a partition that is led here over to another member. Rejects with `log/not-leader`. */
  transfer(partition: number, to: number): Promise<void>;

  /** Records that are durable (and so may be shown). */
  durableSize(partition: number): number;
  /** First offset whose record retention left: 0, or where the log begins now. */
  firstOffset(partition: number): number;
  /** Packed records (batch.md B5) from `offset` on, at least one if it exists, at most `maxBytes` beyond the first. */
  read(partition: number, offset: number, maxBytes: number): Uint8Array;
  /** Offset of the record with this Scarab id. */
  offsetOfId(partition: number, id: bigint): number | undefined;
  /** Offsets of the notary records (schema 1) with this multihash, ascending, at most `limit`. */
  offsetsOfDigest(partition: number, multihash: Uint8Array, limit: number): number[];

  /**
   * Offset of the latest record with this key, or of the latest one at or before `asOfMs` (Unix milliseconds); none when
   * there is none or when it is a tombstone. `log/out-of-range` when compaction may have taken what was the latest then.
   */
  offsetOfKey(partition: number, key: Uint8Array, asOfMs?: number): number | undefined;
  /** Offset of the first record at or after a time (Unix milliseconds). */
  offsetOfTime(partition: number, ms: number): number | undefined;

  /** 32-byte root of the first `size` records. */
  root(partition: number, size: number, algorithm: TreeAlgorithm): Uint8Array;
  /** Hashes back to back, leaf side first; checked before it is returned (merkle.md M7). */
  inclusion(partition: number, index: number, size: number, algorithm: TreeAlgorithm): Uint8Array;
  consistency(partition: number, from: number, to: number, algorithm: TreeAlgorithm): Uint8Array;

  /** Newest signed checkpoint, if one was signed since start. */
  checkpoint(partition: number): SignedCheckpoint | undefined;
  /** Resolves once a checkpoint of at least `size` records is signed (at once if there is one). */
  checkpointAt(partition: number, size: number): Promise<SignedCheckpoint>;

  stats(): CoreStats;
  /** What maintenance came to since opening, and what it does now. */
  maintenance(): MaintenanceFigures;
  /** Drains the queue, syncs the sidecars, releases the lock. Every handle is closed with it. Idempotent. */
  close(): Promise<void>;
}
