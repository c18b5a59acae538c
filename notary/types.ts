/**
 * The notary as its callers (rpc/) see it. From a digest to a receipt: docs/spec/notary.md.
 */
import type { DigestAlgorithm, Receipt } from '../receipt/index.ts';

/** Levels in the order they are reached; `witnessed` and `final` are independent evidence on top. */
export type Level = 'accepted' | 'durable' | 'checkpoint' | 'witnessed' | 'final';

export interface Submission {
  readonly algorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
  /** Scope of idempotency (N1); '' = anonymous. At most 64 bytes of UTF-8. */
  readonly submitter: string;
  /** At most 64 bytes of UTF-8. */
  readonly idempotencyKey?: string;
}

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

/** What a receipt has beyond its record, as it came from the log: no object a hash. */
export interface PackedEvidence {
  /** Hashes of the inclusion path back to back, 32 bytes each. */
  readonly path: Uint8Array;
  /** One and the same object for all submissions that one checkpoint answered. */
  readonly checkpoint: { readonly size: number; readonly note: string };
}

/** What one submission of a batch came to: a value, because one conflict must not fail the others. */
export type SubmitOutcome =
  | {
      readonly ok: true;
      readonly submitted: Submitted;
      /** In place of `submitted.receipt` when the call asked for it. */
      readonly evidence?: PackedEvidence;
    }
  | {
      readonly ok: false;
      readonly code: 'notary/idempotency-conflict';
      readonly holder: Submitted;
    };

export interface SubmitOptions {
  readonly waitFor: 'durable' | 'checkpoint';
  readonly signal?: AbortSignal;
}

export interface SubmitCallOptions extends SubmitOptions {
  /** `packed`: leave receipts to the caller, who writes thousands a second and needs no objects in between. */
  readonly evidence?: 'packed';
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
  readonly checkpoint?: {
    readonly size: number;
    readonly note: string;
    readonly sha256Note?: string;
  };
  readonly dedupWindowMs: number;
  readonly dedupRecords: number;
  readonly ackPolicy: 'majority' | 'all';
  readonly replicas: number;
}

/** Packed answer to a packed batch: outcomes of batch.md B4, without an object per record. */
export interface PackedSubmitted {
  readonly outcomes: Uint8Array;
  readonly checkpoint?: { readonly size: number; readonly note: string };
}

export interface Notary {
  submit(submissions: readonly Submission[], options: SubmitCallOptions): Promise<SubmitOutcome[]>;
  /** Digests back to back, all of one algorithm and submitter; the road to a million a second. */
  submitPacked(
    batch: { algorithm: DigestAlgorithm; submitter: string; digests: Uint8Array },
    options: SubmitOptions,
  ): Promise<PackedSubmitted>;
  status(id: bigint): RecordStatus | undefined;
  /** The best receipt there is now; with `waitFor: 'checkpoint'` waits until it is signed. */
  receipt(id: bigint, options: SubmitOptions): Promise<Receipt | undefined>;
  search(algorithm: DigestAlgorithm, digest: Uint8Array, limit: number): RecordStatus[];
  logs(): LogInfo[];
  inclusionProof(request: {
    origin: string;
    index: number;
    size: number;
    algorithm: 'blake3' | 'sha256';
  }): Uint8Array[];
  consistencyProof(request: {
    origin: string;
    from: number;
    to: number;
    algorithm: 'blake3' | 'sha256';
  }): Uint8Array[];
  /** Newest checkpoint of each log, then every newer one as it is signed. */
  checkpoints(origin: string, signal: AbortSignal): AsyncIterable<{ size: number; note: string }>;
}
