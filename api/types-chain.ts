// SPDX-License-Identifier: Apache-2.0
/**
 * The chain as a client sees it: amounts, nonces, fees and powers are bigints, times, heights and sizes numbers, bytes are
 * bytes. The shapes are those of chain/types.ts, declared here again because a browser has no chain; a test holds them equal.
 */

/** Where a transaction is. */
export type TransactionStatus =
  | { readonly state: 'pending' }
  | {
      readonly state: 'final';
      readonly height: number;
      readonly index: number;
      /** Unix milliseconds of the block. */
      readonly time: number;
    }
  /** `code` is a code of chain/, such as `chain/expired`. */
  | { readonly state: 'dropped'; readonly code: string; readonly reason: string }
  /** Not seen, or forgotten. */
  | { readonly state: 'unknown' };

/** The newest final block; undefined before the first. */
export interface ChainHead {
  readonly height: number;
  readonly id: Uint8Array;
  /** Unix milliseconds. */
  readonly time: number;
}

/** A final block (chain.md X10, X11). */
export interface FinalBlock {
  readonly id: Uint8Array;
  readonly header: {
    readonly height: number;
    readonly time: number;
    readonly proposer: number;
    readonly validators: Uint8Array;
    readonly nextValidators: Uint8Array | undefined;
    readonly transactions: Uint8Array;
    readonly anchors: Uint8Array;
    readonly state: Uint8Array;
    readonly history: Uint8Array;
  };
  readonly headerBytes: Uint8Array;
  /** Its own, not the parent's. */
  readonly certificate: Uint8Array;
  readonly transactions: readonly Uint8Array[];
}

export interface AccountState {
  readonly nonce: bigint;
  readonly balance: bigint;
  /** First free nonce, counting what waits in the node's mempool. */
  readonly nextNonce: bigint;
}

/** A registered cluster (X6). */
export interface ClusterState {
  readonly name: string;
  readonly account: Uint8Array;
  readonly balance: bigint;
  readonly keys: readonly { readonly name: string; readonly publicKey: Uint8Array }[];
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

/** Parameters of the chain, from genesis (identity.md I7). */
export interface ChainParameters {
  readonly blockBytesMax: number;
  readonly feeBase: bigint;
  readonly feePerByte: bigint;
  readonly maxDelayMs: number;
  readonly precisionMs: number;
}

/** An anchor that is final. */
export interface FinalAnchor {
  readonly origin: string;
  readonly size: number;
  /** The signed checkpoint as it was anchored. */
  readonly note: string;
  readonly height: number;
  /** Unix milliseconds of the block. */
  readonly time: number;
}
