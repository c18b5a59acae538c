// SPDX-License-Identifier: Apache-2.0
/**
 * The domain as a client sees it: ids are bigints, bytes are bytes. The shapes are those of notary/types.ts, declared
 * here again because a browser has no notary; a test holds the two equal.
 */
import type { DigestAlgorithm, Receipt } from '../receipt/index.ts';

/** Levels in the order they are reached; `witnessed` and `final` are independent evidence on top. */
export type Level = 'accepted' | 'durable' | 'checkpoint' | 'witnessed' | 'final';

/** One answered submission. */
export interface Submitted {
  /** Scarab id. */
  readonly id: bigint;
  readonly origin: string;
  readonly level: Level;
  readonly duplicate: boolean;
  readonly epoch: number;
  readonly offset: number;
  /** Unix milliseconds claimed by the log. */
  readonly timestamp: number;
  /** Present when the call waited for `checkpoint`. */
  readonly receipt?: Receipt;
}

export interface RecordStatus {
  readonly id: bigint;
  readonly origin: string;
  readonly level: Level;
  readonly offset: number;
  readonly epoch: number;
  readonly timestamp: number;
  readonly algorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
}

export interface LogInfo {
  readonly origin: string;
  readonly partition: number;
  /** Durable records. */
  readonly size: number;
  /** First record that is kept: those before it were removed by retention, and can still be proved. */
  readonly firstOffset: number;
  readonly checkpoint?: Checkpoint & { readonly sha256Note?: string };
  readonly dedupWindowMs: number;
  readonly dedupRecords: number;
  /** What its answers stand for: only `sync` answers `durable` (notary.md N11). */
  readonly durability: 'sync' | 'interval' | 'memory';
  readonly ackPolicy: 'majority' | 'all';
  readonly replicas: number;
}

/** A signed checkpoint: its size and the C2SP note (checkpoint.md). */
export interface Checkpoint {
  readonly size: number;
  readonly note: string;
}

/** Which Merkle tree over the same records. */
export type TreeAlgorithm = 'blake3' | 'sha256';

/** The error object of a failed call (R3). */
export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: RpcErrorData;
}

export interface RpcErrorData {
  /** The error's code, such as `notary/idempotency-conflict`. */
  readonly reason: string;
  readonly retryable: boolean;
  /** Do not come back sooner. */
  readonly retryAfterMs?: number;
  /** What else is known, such as the `id` of a record whose outcome is unknown. */
  readonly [field: string]: string | number | boolean | undefined;
}
