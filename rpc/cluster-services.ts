/** What the cluster gives to applications: coordinator numbers (GR13), locks (GR14), consumer groups (GR15). */
export interface ServiceOrder {
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
export interface ServiceAnswer {
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

/** How far a consumer group is. */
export interface ConsumersState {
  readonly group: string;
  readonly logs: readonly string[];
  readonly generation: number;
  readonly consumers: readonly { readonly name: string; readonly held: readonly number[] }[];
  readonly partitions: readonly {
    readonly partition: number;
    /** Of the next record to read. */
    readonly offset: number;
    /** Records behind it; absent where this node keeps none of the partition. */
    readonly backlog?: number;
  }[];
}

/** What the cluster does for applications. Rejects as {@link ClusterOrders}. */
export interface ClusterServices {
  run(command: ServiceOrder): Promise<ServiceAnswer>;
  consumers(): Promise<ConsumersState[]>;
}
