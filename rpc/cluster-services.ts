import type { ClusterDone, ClusterServiceCommand } from '../consensus/index.ts';

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
  run(command: ClusterServiceCommand): Promise<ClusterDone>;
  consumers(): Promise<ConsumersState[]>;
}
