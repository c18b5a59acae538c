import type { Logger } from '../base/log.ts';
import type { Core, PartitionOptions } from '../native/index.ts';
import type { AnchorStatus } from '../rpc/index.ts';
import type { BridgeTarget } from './bridge.ts';
import type { Config } from './config/schema.ts';
import type { PreparedChain } from './prepared.ts';

/** What the network half of a node is made of. */
export interface NetworkParts {
  readonly config: Config;
  readonly prepared: PreparedChain;
  readonly core: Core;
  readonly partitions: readonly PartitionOptions[];
  readonly logger: Logger;
  /** A broken invariant: the node stops. */
  readonly onBug: (bug: unknown) => void;
}

/** The running network plane. */
export interface NetworkPlane {
  /** For the RPC thread. */
  readonly target: BridgeTarget;
  /** Newest first to oldest: nothing is sent, voted or written any more when it resolves. */
  stop(): Promise<void>;
}

/** Own anchors, counted; the last two are 1 while something stops them, else 0. */
export interface AnchorCounts {
  readonly final: number;
  readonly refused: number;
  readonly unfunded: number;
  readonly tooDear: number;
}

/** What this node does to get its logs anchored. */
export interface Anchoring {
  status(): Promise<AnchorStatus>;
  /** Why nothing here is anchored now; undefined while nothing stands in the way, or nothing has been tried yet. */
  obstacle(): Promise<string | undefined>;
  figures(): AnchorCounts;
  stop(): Promise<void>;
}
