import type { Freshness } from '../consensus/index.ts';
import type { ClusterServices } from './cluster-services.ts';
import type { NodePolicy } from './node-policy.ts';

/** A partition's group, as this member sees it (raft.md). */
export interface ClusterGroup {
  readonly partition: number;
  readonly origin: string;
  readonly leads: boolean;
  /** Who leads, this node too, as far as is known. */
  readonly leader?: string;
  readonly epoch: number;
  readonly commit: number;
  readonly applied: number;
  readonly last: number;
  readonly size: number;
  readonly replicas: readonly { readonly node: string; readonly index: number }[];
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly problem?: string;
}

/** A member and the link to it. */
export interface ClusterMemberState {
  readonly node: string;
  readonly number: number;
  readonly self: boolean;
  readonly up: boolean;
  /** `joining`, `active`, `draining` or `dead`; absent until the cluster said. */
  readonly status?: string;
  readonly address?: string;
  /** Where clients reach it. */
  readonly rpc?: string;
  readonly problem?: string;
}

export interface ClusterState {
  readonly cluster: string;
  readonly partitions: readonly ClusterGroup[];
  readonly members: readonly ClusterMemberState[];
  /** Who leads the cluster group, and its newest entry here; absent until this node heard how the cluster stands. */
  readonly agreed?: { readonly leader?: string; readonly index: number; readonly voters: number };
  readonly problem?: string;
  readonly stranger?: string;
}

/** What everybody may know of a cluster, to find who leads a log. */
export interface ClusterMap {
  readonly cluster: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly origin: string;
    readonly epoch: number;
    readonly leader?: string;
  }[];
  readonly members: readonly { readonly node: string; readonly rpc?: string }[];
}

/** What readers ask of a member of a cluster. */
export interface ClusterReads {
  map(): Promise<ClusterMap>;
  /**
   * Waits until the log of that origin (all logs here, when it is left out) is as new as wanted; gives how long ago
   * everything was here that had been acknowledged, milliseconds. Rejects with `consensus/too-stale`.
   */
  reach(origin: string | undefined, wanted: Freshness): Promise<number>;
}

/** What is said of a member beside its keys. */
export interface MemberLabels {
  readonly rpc?: string;
  readonly zone?: string;
  readonly rack?: string;
  readonly weight?: number;
}

/** What an operator orders of the cluster (GR5). All reject with `cluster/refused` and the reason. */
export interface ClusterOrders {
  /** `entry` as `pyralog cluster member --json` prints it. Resolves with the members file for the new node (CG7). */
  add(entry: unknown, labels: MemberLabels): Promise<Readonly<Record<string, unknown>>>;
  drain(node: string, undo: boolean): Promise<void>;
  remove(node: string): Promise<void>;
  replicate(voters: number, faults: number): Promise<void>;
  /** What is to be pinned to believe each partition (T1). */
  policies(): Promise<NodePolicy[]>;
}

/** What the methods about the cluster work on. */
export interface ClusterAccess {
  status(): Promise<ClusterState>;
  /** Rejects with `log/not-leader` when another member leads, `rpc/invalid-params` when there is no such member. */
  transfer(partition: number, to: string): Promise<void>;
  readonly orders: ClusterOrders;
  readonly services: ClusterServices;
}
