/** The mempool as the chain's App, gossip and RPC see it: docs/spec/chain.md X16 to X20. */
import type { Account, ChainError, ChainErrorCode, Cluster, Transaction } from '../types.ts';

/** A transaction that waits: decoded, its signature verified, its form and fee checked (X16). */
export interface PoolEntry {
  /** 32 bytes (X2). */
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly transaction: Transaction;
}

/** What became of one transaction that was handed over: a value, because one refusal must not fail its neighbours. */
export type Admission =
  | {
      readonly ok: true;
      readonly id: Uint8Array;
      /** False when this very transaction waits already (X18). */
      readonly fresh: boolean;
    }
  | {
      readonly ok: false;
      readonly error: ChainError;
      /** Whether whoever handed it over must have known: badly formed or badly signed (X20). */
      readonly fault: boolean;
    };

/**
 * Transactions that wait for a block. Bounded in everything; nothing in it is durable.
 *
 * Listeners and {@link best} may be called at any time; {@link add} calls that overlap share signature checks and answer in
 * the order of their batch.
 */
export interface Mempool {
  /** Admits or refuses each of a batch, in order (X16 to X19). Never rejects for what is in the bytes. */
  add(batch: readonly Uint8Array[]): Promise<readonly Admission[]>;
  /**
   * Best paying first, each sender in nonce order, without gaps, until `bytesMax` of transaction bytes are given (X17). One that
   * does not fit ends its sender's turn. What it yields waits on until {@link settle} or {@link drop}.
   */
  best(bytesMax: number): Iterable<PoolEntry>;
  /** Of one that waits: decoded, signature verified, so that execution need not check it again. */
  get(id: Uint8Array): PoolEntry | undefined;
  /** Execution refused it: it goes, with its reason for `chain_transactionStatus` (X19). */
  drop(id: Uint8Array, code: ChainErrorCode, reason: string): void;
  /**
   * A block became final: `executed` are the ids of its transactions, `touched` the accounts that it changed. Call it once the new
   * state shows in {@link StateReads}; what waits of these accounts is judged again.
   */
  settle(height: number, executed: readonly Uint8Array[], touched: readonly Uint8Array[]): void;
  status(
    id: Uint8Array,
  ):
    | { readonly state: 'pending' }
    | { readonly state: 'dropped'; readonly code: ChainErrorCode; readonly reason: string }
    | undefined;
  /** The next nonce of the account that is free, counting what waits here without a gap. */
  nextNonce(sender: Uint8Array): Promise<bigint>;
  readonly count: number;
  readonly bytes: number;
  /** Whether {@link best} has anything to give: what waits behind a gap does not count. */
  readonly hasPending: boolean;
  /**
   * Calls back when, after nothing could be proposed, something can, and after every {@link settle} that leaves something. Returns the
   * function that ends it.
   */
  onPending(listener: () => void): () => void;
  /** Told of each that leaves without being in a block, when its reason can be asked for. Returns the function that ends it. */
  onDropped(listener: (id: Uint8Array) => void): () => void;
  /** Keeps no timer any more. What waits stays as it is. Idempotent. */
  stop(): void;
}

/** The newest final state, as far as admission needs it. Answers at once where it can: admission waits for each. */
export interface StateReads {
  account(key: Uint8Array): Account | Promise<Account>;
  cluster(name: string): Cluster | undefined | Promise<Cluster | undefined>;
  /** Of the newest final block; 0 before the first. */
  height(): number;
}
