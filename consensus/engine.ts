/** What a block is to those who do not look inside. */
export interface Block {
  /** Starts at 1; each is one above its parent. */
  readonly height: number;
  /** Unix milliseconds; strictly increasing. */
  readonly time: number;
  readonly body: Uint8Array;
}

/** Why a block is final; what checks it is chosen by `scheme`. */
export interface FinalityEvidence {
  readonly scheme: string;
  readonly bytes: Uint8Array;
}

export interface Finalized {
  readonly height: number;
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly evidence: FinalityEvidence;
}

/** What a chain gives its engine (implemented in chain/). The engine calls one at a time. */
export interface App {
  /** Body of the next block out of these transactions, in order; may leave some out for good. At most `bytesMax`. */
  propose(
    height: number,
    transactions: readonly Uint8Array[],
    bytesMax: number,
  ): Promise<Uint8Array>;
  /** Whether a block that somebody proposed keeps the rules. Must not change state. */
  validate(block: Block): Promise<boolean>;
  /** Applies a decided block, not yet durable; gives the 32-byte commitment to the state behind it. */
  execute(block: Block): Promise<Uint8Array>;
  /** Makes what {@link execute} did durable. Called once a height, in order, before the block shows as final. */
  commit(height: number): Promise<void>;
}

/** Agrees on one block a height, whatever the protocol: the contract is `test/contract/engine.ts`. */
export interface Engine {
  /** Runs until {@link stop} or `signal`. Resolves once it takes transactions. */
  start(app: App, signal: AbortSignal): Promise<void>;
  /** Resolves when the transaction is pending here, not when it is final. Rejects with `consensus/overloaded` or `consensus/stopped`. */
  submit(transaction: Uint8Array): Promise<void>;
  /** Newest final block. */
  head(): Finalized | undefined;
  /** Final blocks from `fromHeight` on, then every new one, without gaps; ends with {@link stop} or `signal`. */
  finalized(fromHeight: number, signal: AbortSignal): AsyncIterable<Finalized>;
  /** Finishes the block under way. Idempotent. */
  stop(): Promise<void>;
}
