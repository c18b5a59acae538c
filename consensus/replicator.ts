import type { SignedCheckpoint } from '../native/index.ts';

export type { SignedCheckpoint } from '../native/index.ts';

/** Who answers for a durable record: `majority` survives the loss of a minority, `all` of all but one. */
export type AckPolicy = 'majority' | 'all';

export interface ReplicateOptions {
  /**
   * What must be true before the answer: committed and synced, or also covered by a signed checkpoint (notary.md N4, N5). A log that
   * does not promise `durable` answers that `accepted` (wal.md W16).
   */
  readonly wait: 'durable' | 'checkpoint';
  /** Also return inclusion paths; needs `wait: 'checkpoint'`. */
  readonly paths: boolean;
  /** Gives up waiting. Before the proposal left: the signal's reason; afterwards `consensus/outcome-unknown`. */
  readonly signal?: AbortSignal;
}

/** A batch that is committed and synced on as many replicas as the policy asks for: it is never lost again (N7), if `durable`. */
export interface Replicated {
  readonly epoch: number;
  /** `accepted`: an unreplicated log that does not sync for every answer; a crash may lose the batch (N11). */
  readonly durability: 'durable' | 'accepted';
  /** Offset of the first new record; undefined when all were duplicates or conflicts. */
  readonly baseOffset: number | undefined;
  readonly ackPolicy: AckPolicy;
  readonly replicas: number;
  /** Packed outcomes, 40 bytes a record (batch.md B4). */
  readonly outcomes: Uint8Array;
  /** With `wait: 'checkpoint'`: covers every record of the outcomes. */
  readonly checkpoint?: SignedCheckpoint;
  /** With `paths: true`: per record its inclusion path in `checkpoint`; see `decodePaths` of storage/. */
  readonly paths?: Uint8Array;
}

/** What this node is to a partition. */
export type Role =
  | { readonly kind: 'leader'; readonly epoch: number }
  /** `hint` names the leader this node last heard of. */
  | { readonly kind: 'follower'; readonly hint: string | undefined };

/** Orders and stores batches of a partition: one node, or a Raft group. The only way to write to a log. */
export interface Replicator {
  readonly ackPolicy: AckPolicy;
  readonly replicas: number;
  /**
   * Commits one packed proposal (batch.md B1, B2). Rejects with `consensus/not-leader`, `consensus/outcome-unknown`, or
   * a code of storage/ when this node could not take it (`log/overloaded`, `storage/disk-full` …), in which case it did not.
   */
  propose(partition: number, proposal: Uint8Array, options: ReplicateOptions): Promise<Replicated>;
  role(partition: number): Role;
  /** Tells the role in each partition, now and whenever it changes. Returns the function that ends it. */
  onRole(listener: (partition: number, role: Role) => void): () => void;
}

/** The signed checkpoints of the logs as they come. */
export interface CheckpointFeed {
  /** Newest one since the node started. */
  newest(partition: number): SignedCheckpoint | undefined;
  /**
   * Resolves once one of at least `size` records is signed, at once if there is one. Asking is what makes it be signed
   * without delay (N5). Rejects with the signal's reason.
   */
  reached(partition: number, size: number, signal?: AbortSignal): Promise<SignedCheckpoint>;
}
