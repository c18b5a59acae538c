/** Why a block is final; what checks it is chosen by `scheme` (`pos`: a certificate of pos.md). */
export interface FinalityEvidence {
  readonly scheme: string;
  readonly bytes: Uint8Array;
}

/** A block as those see it who do not look inside. */
export interface BlockInfo {
  /** Starts at 1; each is one above its parent. */
  readonly height: number;
  /** 32 bytes. */
  readonly id: Uint8Array;
  /** Unix milliseconds; strictly increasing. */
  readonly time: number;
}

export interface Finalized extends BlockInfo {
  readonly evidence: FinalityEvidence;
}

/** Who votes, with what weight, in set order (power descending, then key ascending). */
export interface ValidatorInfo {
  /** 32 bytes, the vote key. */
  readonly key: Uint8Array;
  readonly power: bigint;
  readonly name: string;
}

/** What the engine gives a proposer to build a block with. */
export interface ProposalRequest {
  readonly height: number;
  /** Unix milliseconds of the proposer's clock; the app raises it above the parent's time if need be. */
  readonly time: number;
  /** Index in the validator set of this height. */
  readonly proposer: number;
  /** Of the parent; undefined at height 1. */
  readonly parentEvidence: FinalityEvidence | undefined;
}

/** A whole block: what peers send each other and stores keep. */
export interface BuiltBlock extends BlockInfo {
  readonly bytes: Uint8Array;
}

/** A whole block and why it is final: what a node that is behind is sent. */
export interface StoredBlock extends BuiltBlock, Finalized {}

export type BlockVerdict =
  | {
      readonly ok: true;
      readonly block: BlockInfo;
      /** Index of the validator that first proposed it. */
      readonly proposer: number;
    }
  /**
   * A correct proposer never sends this; `reason` says which rule it breaks. `id`: of bytes that have one, so that it
   * is the proposer's fault and not that of a peer who put other bytes behind a signed proposal.
   */
  | { readonly ok: false; readonly reason: string; readonly id?: Uint8Array };

/** What a chain gives its engine (implemented in chain/). The engine calls one of propose, validate and commit at a time. */
export interface App {
  /** Newest durable block; undefined before the first. */
  head(): Finalized | undefined;
  /** Of this height; undefined when the node is too far behind to know. */
  validators(height: number): readonly ValidatorInfo[] | undefined;
  /** Takes a transaction into the mempool. Rejects with a code of chain/ that says why not. */
  submit(transaction: Uint8Array): Promise<void>;
  /** Whether transactions wait for a block (blocks on demand). */
  hasPending(): boolean;
  /** Calls back whenever transactions begin to wait. Returns the function that ends it. */
  onPending(listener: () => void): () => void;
  /** Builds and executes a block on the head, without changing what is durable. */
  propose(request: ProposalRequest): Promise<BuiltBlock>;
  /** Decodes and executes a block that somebody else built on the head. Any bytes; never throws for them. */
  validate(bytes: Uint8Array): Promise<BlockVerdict>;
  /**
   * Makes a block that was proposed or validated here durable, with its evidence: block, state, indexes in one synced
   * write. Once a height, in order, before it shows as final.
   */
  commit(id: Uint8Array, evidence: FinalityEvidence): Promise<void>;
  /** A final block, for peers that are behind and for readers that begin below the head; undefined above the head. */
  block(height: number): Promise<StoredBlock | undefined>;
}

export interface EngineFigures {
  readonly height: number;
  readonly round: number;
  readonly rounds: number;
  readonly refusedMessages: number;
  /** Seconds from the start of the newest height to its decision. */
  readonly decisionSeconds: number;
}

/** Agrees on one block a height, whatever the protocol: the contract is `test/contract/engine.ts`. */
export interface Engine {
  /** Runs until {@link stop} or `signal`. Resolves once it takes part. */
  start(app: App, signal: AbortSignal): Promise<void>;
  /** `app.submit`, then tells the peers. Rejects as that does, or with `consensus/stopped`. */
  submit(transaction: Uint8Array): Promise<void>;
  /** Newest final block. */
  head(): Finalized | undefined;
  /** Final blocks from `fromHeight` on, then every new one, without gaps; ends with {@link stop} or `signal`. */
  finalized(fromHeight: number, signal: AbortSignal): AsyncIterable<Finalized>;
  /** Whether the evidence makes this block final, checked without the node's own history. */
  verify(block: BlockInfo, evidence: FinalityEvidence): boolean;
  figures(): EngineFigures;
  /** Finishes the block under way. Idempotent. */
  stop(): Promise<void>;
}
