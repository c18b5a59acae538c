/**
 * The notary as its callers (rpc/) see it. From a digest to a receipt: docs/spec/notary.md.
 */
import type { DigestAlgorithm, Receipt } from '../receipt/index.ts';
import type { DurabilityPolicy } from '../storage/index.ts';

/** `accepted`: ordered, and lost if the node crashes before its log is synced (N11). Levels in the order they are reached; `witnessed` and `final` are independent evidence on top. */
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
  /** `durable` is answered `accepted` by a log that does not sync for every answer (N11). */
  readonly waitFor: 'durable' | 'checkpoint';
  readonly signal?: AbortSignal;
}

export interface SubmitCallOptions extends SubmitOptions {
  /** `packed`: leave receipts to the caller, who writes thousands a second and needs no objects in between. */
  readonly evidence?: 'packed';
}

/** How long a receipt is waited for, and how its finality is to be proved. */
export interface ReceiptOptions {
  /** `final` waits for the chain; `chain/no-chain` when there is none. */
  readonly waitFor: 'durable' | 'checkpoint' | 'final';
  readonly signal?: AbortSignal;
  /** Prove finality under the newest header (finality.md F5): for verifiers whose trust root is younger than the anchor. */
  readonly byHistory?: boolean;
}

/** A checkpoint of a log that is final on the chain. */
export interface FinalAnchor {
  readonly origin: string;
  readonly size: number;
  /** The signed checkpoint as it was anchored. */
  readonly note: string;
  readonly height: number;
  /** Unix milliseconds of the block. */
  readonly time: number;
}

/**
 * What the notary asks of a chain. It may live in another thread, so everything is asynchronous and structured-cloneable;
 * an answer may be late, never wrong.
 */
export interface FinalAnchors {
  /** The first final anchor of the log that covers `size` records. */
  anchor(origin: string, size: number): Promise<FinalAnchor | undefined>;
  /** Proof of the anchor of exactly this size: finality.md F4, or F5 with `byHistory`. */
  proof(
    origin: string,
    size: number,
    byHistory?: boolean,
  ): Promise<{ readonly scheme: number; readonly proof: Uint8Array } | undefined>;
  /** The log's newest final anchor, if there is one, then every newer one until `signal` aborts; a slow reader may miss some. */
  subscribe(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor>;
  /** Why nothing here is anchored now and no waiting helps, such as a cluster that is not registered; undefined: nothing known. */
  obstacle?(): Promise<string | undefined>;
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
  readonly checkpoint?: {
    readonly size: number;
    readonly note: string;
    readonly sha256Note?: string;
  };
  readonly dedupWindowMs: number;
  readonly dedupRecords: number;
  /** What its answers stand for (N11). */
  readonly durability: DurabilityPolicy;
  readonly ackPolicy: 'majority' | 'all';
  readonly replicas: number;
}

/** Packed answer to a packed batch: outcomes of batch.md B4, without an object per record. */
export interface PackedSubmitted {
  readonly outcomes: Uint8Array;
  /** `accepted`: a crash may lose them (N11). */
  readonly durability: 'durable' | 'accepted';
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
  /** The best receipt there is now (N8); waits for the level of `waitFor` first. */
  receipt(id: bigint, options: ReceiptOptions): Promise<Receipt | undefined>;
  /**
   * The same receipt, better if it can be and never worse (N9). Of any record of a log here, however old; undefined when no log here
   * has this record. Rejects with `chain/no-chain` when `waitFor` is `final` and there is no chain.
   */
  upgrade(receipt: Receipt, options?: Partial<ReceiptOptions>): Promise<Receipt | undefined>;
  search(algorithm: DigestAlgorithm, digest: Uint8Array, limit: number): RecordStatus[];
  /** Notary records of a log from the first at or after a time (Unix ms) on, oldest first. Throws `notary/unknown-log`. */
  since(origin: string, ms: number, limit: number): RecordStatus[];
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
  /** The newest final anchor of the log, if any, then newer ones (N10). Throws `chain/no-chain` or `notary/unknown-log`. */
  subscribeFinal(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor>;
  /**
   * The receipts of these records at `final`, each once, as soon as it is; ends when all are told, or with `signal` (N10). Throws
   * `chain/no-chain`, or `notary/not-found` for an id that no log here has.
   */
  subscribeReceipts(ids: readonly bigint[], signal: AbortSignal): AsyncIterable<Receipt>;
}
