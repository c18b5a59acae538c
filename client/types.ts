// SPDX-License-Identifier: Apache-2.0
/** What a client is made of and what it answers. */
import type {
  Checkpoint,
  LogInfo,
  MethodName,
  MethodParams,
  MethodResult,
  RecordStatus,
  RpcErrorObject,
  Submitted,
  TreeAlgorithm,
} from '../api/index.ts';
import type { DigestAlgorithm, Receipt } from '../receipt/index.ts';

export interface ClientOptions {
  /** `http:`, `https:`, `ws:` or `wss:`. Subscriptions and packed submissions need `ws:` or `wss:`. */
  readonly url: string;
  /** Scope of idempotency (N1) of everything this client submits; '' = anonymous. */
  readonly submitter?: string;
  /** Bearer token, for an admin listener (HTTP only). */
  readonly token?: string;
  readonly retry?: Partial<RetryOptions>;
  /** Gives up a call that has had no answer for so long; default 60,000. */
  readonly answerMsMax?: number;
}

export interface RetryOptions {
  /** Tries of one call, the first included; 1 = no retries. */
  readonly attemptsMax: number;
  /** Wait before the second try; doubles with each further one, with jitter, and is never below `retryAfterMs`. */
  readonly waitMsFirst: number;
  readonly waitMsMax: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface SubmitOptions extends CallOptions {
  /** `durable` (default): on disk. `checkpoint`: signed, with the receipt in the answer. */
  readonly waitFor?: 'durable' | 'checkpoint';
  /** How long the node may wait before it answers `notary/outcome-unknown`. */
  readonly timeoutMs?: number;
}

export interface DigestSubmission {
  readonly algorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
  readonly idempotencyKey?: string;
}

/** What one submission of a batch came to. */
export type BatchOutcome =
  | { readonly ok: true; readonly submitted: Submitted }
  | { readonly ok: false; readonly error: RpcErrorObject };

export interface PackedAnswer {
  /** 40 bytes a record (batch.md B4); `outcomeAt` reads one. */
  readonly outcomes: Uint8Array;
  /** Signed note of the newest checkpoint that covers them; '' unless waited for. */
  readonly note: string;
}

/** What the node says of a receipt: a convenience, never evidence. */
export type VerifyAnswer = MethodResult<'notary_verify'>;

export interface Client {
  submit(submission: DigestSubmission, options?: SubmitOptions): Promise<Submitted>;
  submitBatch(
    submissions: readonly DigestSubmission[],
    options?: SubmitOptions,
  ): Promise<BatchOutcome[]>;
  /** Digests back to back, 1 to 65,536 of one algorithm, in a binary frame (R8). */
  submitPacked(
    batch: { readonly algorithm: DigestAlgorithm; readonly digests: Uint8Array },
    options?: SubmitOptions,
  ): Promise<PackedAnswer>;
  status(id: bigint, options?: CallOptions): Promise<RecordStatus>;
  receipt(id: bigint, options?: SubmitOptions): Promise<Receipt>;
  /** The receipt at the best level there is now. */
  upgradeReceipt(receipt: Receipt, options?: CallOptions): Promise<Receipt>;
  search(
    query: {
      readonly algorithm: DigestAlgorithm;
      readonly digest: Uint8Array;
      readonly limit?: number;
    },
    options?: CallOptions,
  ): Promise<RecordStatus[]>;
  verify(receipt: Receipt, digest?: Uint8Array, options?: CallOptions): Promise<VerifyAnswer>;
  info(options?: CallOptions): Promise<MethodResult<'notary_info'>>;
  logs(origin?: string, options?: CallOptions): Promise<LogInfo[]>;
  /** Path, leaf side first (merkle.md M4). */
  inclusionProof(
    request: {
      readonly origin: string;
      readonly index: number;
      readonly size: number;
      readonly algorithm?: TreeAlgorithm;
    },
    options?: CallOptions,
  ): Promise<Uint8Array[]>;
  consistencyProof(
    request: {
      readonly origin: string;
      readonly from: number;
      readonly to: number;
      readonly algorithm?: TreeAlgorithm;
    },
    options?: CallOptions,
  ): Promise<Uint8Array[]>;
  /** The newest signed note of a log. */
  checkpoint(origin: string, algorithm?: TreeAlgorithm, options?: CallOptions): Promise<string>;
  /** The newest checkpoint, then every newer one seen; ends when `signal` fires or the loop is left. */
  subscribeCheckpoints(origin: string, options?: CallOptions): AsyncIterable<Checkpoint>;
  /** Any method, in wire form. */
  call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options?: CallOptions,
  ): Promise<MethodResult<M>>;
  /** Rejects what is in flight with `rpc/connection-lost` and closes the connection. Idempotent. */
  close(): Promise<void>;
}
