/** How long a step of a round waits (P28): base + round × delta, in milliseconds. */
export interface PosTimeouts {
  readonly proposeMs: number;
  readonly proposeDeltaMs: number;
  readonly prevoteMs: number;
  readonly prevoteDeltaMs: number;
  readonly precommitMs: number;
  readonly precommitDeltaMs: number;
  /** Between repetitions of own messages while a round does not end. */
  readonly rebroadcastMs: number;
}

export interface PosOptions {
  readonly timeouts: PosTimeouts;
  /** Blocks without transactions, one after the other. */
  readonly emptyBlocks: boolean;
  /** A block without transactions when there was none for so long (P29). */
  readonly heartbeatMs: number;
  /** Least time between the beginnings of two heights; 0: as fast as it goes. */
  readonly blockIntervalMs: number;
  /** A proposer whose clock is behind its parent's time waits at most so long (P25). */
  readonly clockWaitMsMax: number;
  /** How often the head is told when nothing changes (P32). */
  readonly statusMs: number;
  /** One height behind for so long: ask, because the block may still be decided here (P32). */
  readonly syncGraceMs: number;
  /** A peer that has not answered a request for so long is passed over (P32). */
  readonly requestMsMax: number;
}

/** Validators across the Internet. */
const DEFAULT: PosOptions = {
  timeouts: {
    proposeMs: 2_000,
    proposeDeltaMs: 500,
    prevoteMs: 500,
    prevoteDeltaMs: 500,
    precommitMs: 500,
    precommitDeltaMs: 500,
    rebroadcastMs: 2_000,
  },
  emptyBlocks: false,
  heartbeatMs: 10_000,
  blockIntervalMs: 200,
  clockWaitMsMax: 1_000,
  statusMs: 2_000,
  syncGraceMs: 1_000,
  requestMsMax: 5_000,
};

/** Validators of one machine or one local network: devnets, tests, benches. */
const FAST: PosOptions = {
  timeouts: {
    proposeMs: 500,
    proposeDeltaMs: 250,
    prevoteMs: 100,
    prevoteDeltaMs: 100,
    precommitMs: 100,
    precommitDeltaMs: 100,
    rebroadcastMs: 500,
  },
  emptyBlocks: false,
  heartbeatMs: 5_000,
  blockIntervalMs: 0,
  clockWaitMsMax: 500,
  statusMs: 1_000,
  syncGraceMs: 300,
  requestMsMax: 2_000,
};

export const POS_PRESETS = { default: DEFAULT, fast: FAST } as const;
