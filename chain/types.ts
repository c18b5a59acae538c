/**
 * The chain as its callers see it: docs/spec/chain.md. Amounts, nonces and fees are bigint; times, heights and sizes are
 * numbers below 2^53.
 */
import type { PyralogError } from '../base/errors.ts';
import type { BlockHeader, VerificationKey } from '../receipt/index.ts';

export type { BlockHeader, ChainParameters } from '../receipt/index.ts';

/** What callers of chain/ are expected to handle. */
export type ChainErrorCode =
  /** Not a transaction, or not in its one encoding (X1). */
  | 'chain/malformed'
  /** The signature is not the sender's, or for another network (X1). */
  | 'chain/bad-signature'
  /** Used already, or too far ahead; `data.expected` is the account's next nonce (X4, X17). */
  | 'chain/bad-nonce'
  /** The payer has less than all that it has waiting; `data.balance`, `data.needed` (X4, X16). */
  | 'chain/insufficient-balance'
  /** Below the minimum for its size, or too little to replace one that waits; `data.minimum` (X3, X18). */
  | 'chain/fee-too-low'
  /** `until` has passed (X1). */
  | 'chain/expired'
  /** Well-formed and paid for, but the state forbids it: `data.rule` names the rule (X6–X9). */
  | 'chain/refused'
  /** The mempool is full and this pays less than what waits; retry after `data.retryAfterMs` (X19). */
  | 'chain/mempool-full'
  /** The node is not on a chain, or does not run one. */
  | 'chain/no-chain'
  /** What the store holds does not fit together; the node must not run (X21). */
  | 'chain/store-damaged'
  | 'chain/stopped';

export type ChainError = PyralogError<ChainErrorCode>;

export interface Account {
  readonly nonce: bigint;
  readonly balance: bigint;
}

/** A registered cluster (X6, X14). */
export interface Cluster {
  readonly name: string;
  /** 32 bytes: who pays for its anchors. */
  readonly account: Uint8Array;
  readonly keys: readonly Pick<VerificationKey, 'name' | 'publicKey'>[];
  readonly threshold: number;
  readonly faults: number;
  readonly submitters: readonly Uint8Array[];
}

/** A log as the chain knows it (X14). */
export interface AnchoredLog {
  readonly origin: string;
  readonly size: number;
  readonly roots: readonly { readonly alg: 'blake3' | 'sha256'; readonly root: Uint8Array }[];
  readonly height: number;
  readonly cutOffAt: number | undefined;
}

export type TransactionBody =
  | { readonly kind: 'transfer'; readonly to: Uint8Array; readonly amount: bigint }
  | {
      readonly kind: 'register-cluster';
      readonly name: string;
      readonly keys: readonly Pick<VerificationKey, 'name' | 'publicKey'>[];
      readonly threshold: number;
      readonly faults: number;
      readonly submitters: readonly Uint8Array[];
      readonly deposit: bigint;
    }
  | {
      readonly kind: 'anchor';
      readonly note: string;
      readonly from: number;
      readonly paths: readonly (readonly Uint8Array[])[];
    }
  | { readonly kind: 'notarize'; readonly multihash: Uint8Array }
  | {
      readonly kind: 'evidence';
      readonly notes: readonly [string, string];
      /** Present when the two notes are not enough by themselves: two leaves at one index (X9). */
      readonly leaves?: {
        readonly index: number;
        readonly records: readonly [Uint8Array, Uint8Array];
        readonly paths: readonly [readonly Uint8Array[], readonly Uint8Array[]];
      };
    };

export interface UnsignedTransaction {
  readonly sender: Uint8Array;
  readonly nonce: bigint;
  readonly fee: bigint;
  /** Last height it may stand in; 0 = any. */
  readonly until: number;
  readonly body: TransactionBody;
}

export interface Transaction extends UnsignedTransaction {
  readonly signature: Uint8Array;
}

/** Where a transaction is. */
export type TransactionStatus =
  | { readonly state: 'pending' }
  | {
      readonly state: 'final';
      readonly height: number;
      readonly index: number;
      readonly time: number;
    }
  | { readonly state: 'dropped'; readonly code: ChainErrorCode; readonly reason: string }
  /** Not seen, or forgotten. */
  | { readonly state: 'unknown' };

/** A final block as the outside world asks for it. */
export interface FinalBlock {
  readonly id: Uint8Array;
  readonly header: BlockHeader;
  readonly headerBytes: Uint8Array;
  /** Its own certificate, not the parent's. */
  readonly certificate: Uint8Array;
  readonly transactions: readonly Uint8Array[];
}

/** An anchor that is final, with the means to prove it. */
export interface FinalAnchor {
  readonly origin: string;
  readonly size: number;
  /** The signed checkpoint as it was anchored. */
  readonly note: string;
  readonly height: number;
  /** Unix milliseconds of the block. */
  readonly time: number;
}

/** Everything that reads the chain. All reads show final state only. */
export interface ChainReader {
  head(): { readonly height: number; readonly id: Uint8Array; readonly time: number } | undefined;
  account(key: Uint8Array): Promise<Account>;
  /** The next nonce that is free, counting what waits in the mempool here. */
  nextNonce(key: Uint8Array): Promise<bigint>;
  cluster(name: string): Promise<Cluster | undefined>;
  log(origin: string): Promise<AnchoredLog | undefined>;
  block(height: number): Promise<FinalBlock | undefined>;
  transaction(id: Uint8Array): Promise<TransactionStatus>;
  /** The first final anchor of the log that covers `size` records. */
  anchor(origin: string, size: number): Promise<FinalAnchor | undefined>;
  /** FinalityProof bytes (F4) of the anchor of exactly this size; scheme 2 (F5) when `byHistory`. */
  anchorProof(
    origin: string,
    size: number,
    byHistory?: boolean,
  ): Promise<{ readonly scheme: number; readonly proof: Uint8Array } | undefined>;
  /** F7. */
  transactionProof(id: Uint8Array): Promise<Uint8Array | undefined>;
  /** State proof (state.md) of an account, cluster or log entry under the newest header. */
  stateProof(key: Uint8Array): Promise<{
    readonly height: number;
    readonly value: Uint8Array | undefined;
    readonly proof: Uint8Array;
  }>;
}

export interface ChainFigures {
  readonly height: number;
  readonly mempoolTransactions: number;
  readonly mempoolBytes: number;
  readonly executedTransactions: number;
  readonly refusedTransactions: number;
}
