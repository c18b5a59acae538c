import type { Instant } from '../../base/time.ts';
import type { TreeAlgorithm } from '../../receipt/index.ts';

/** One tree's root. A list of them, because a log may keep several trees over the same records. */
export interface AnchorRoot {
  readonly alg: TreeAlgorithm;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** What an anchor puts on the chain: a signed checkpoint, taken apart. */
export interface AnchorCheckpoint {
  readonly origin: string;
  readonly size: number;
  readonly roots: readonly AnchorRoot[];
  /** The signed note (checkpoint.md). */
  readonly note: string;
}

/** What can happen to the anchor machine of one log. */
export type Input =
  | { readonly kind: 'checkpoint'; readonly checkpoint: AnchorCheckpoint }
  | { readonly kind: 'tick'; readonly now: Instant }
  | { readonly kind: 'anchored'; readonly size: number; readonly height: number }
  /** `anchoredSize`: what the chain says it holds, when that is why it refused. */
  | {
      readonly kind: 'rejected';
      readonly size: number;
      readonly now: Instant;
      readonly anchoredSize?: number;
    };

/** What the machine asks of the world. The host performs effects in order. */
export type Effect =
  /** `from` records are anchored already: the chain wants a proof that `checkpoint` extends them. */
  | { readonly kind: 'submit'; readonly checkpoint: AnchorCheckpoint; readonly from: number }
  | { readonly kind: 'wake'; readonly at: Instant }
  | { readonly kind: 'final'; readonly checkpoint: AnchorCheckpoint; readonly height: number };

export interface Limits {
  readonly intervalMs: number;
  readonly retryMs: number;
}

export interface State {
  readonly limits: Limits;
  /** Newest checkpoint not yet sent to the chain. */
  readonly pending: AnchorCheckpoint | undefined;
  /** Checkpoint sent and not yet answered. At most one. */
  readonly inFlight: AnchorCheckpoint | undefined;
  /** Records covered by the last anchored checkpoint. Never decreases. */
  readonly anchoredSize: number;
  readonly nextAt: Instant;
}

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}
