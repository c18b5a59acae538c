// SPDX-License-Identifier: Apache-2.0
/** What a client of a cluster is made of and what it answers (docs/spec/cluster-client.md). */
import type { MethodName, MethodParams, MethodResult, Submitted } from '../api/index.ts';
import type { Receipt, TrustStore } from '../receipt/index.ts';
import type { CallOptions, Client, DigestSubmission } from './types.ts';

/** What is asked of one node. */
export type ClusterNode = Pick<Client, 'submit' | 'receipt' | 'call' | 'close'>;

export interface ClusterClientOptions {
  /** RPC addresses of some members, at least one; the others are learned (CK1). */
  readonly nodes: readonly string[];
  /** Pinned keys: what receipts are verified with (CK4). */
  readonly trust: TrustStore;
  /** Scope of idempotency (N1); '' = anonymous. */
  readonly submitter?: string;
  /** How long a call is repeated at most, all tries together; default 30,000. */
  readonly deadlineMs?: number;
  /** How long one node is waited for before another one is asked; default 3,000. */
  readonly tryMsMax?: number;
  /** Rest of a node that failed; doubles with each failure on end, with jitter. Default 50 and 2,000. */
  readonly restMsFirst?: number;
  readonly restMsMax?: number;
  /** Age at which what is known of leaders is asked for anew; default 5,000. */
  readonly mapMsMax?: number;
  /** For tests: nodes, clock and chance. */
  readonly parts?: Partial<ClusterParts>;
}

export interface ClusterParts {
  readonly connect: (url: string) => ClusterNode;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Resolves after so long; rejects with the signal's reason. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface ClusterCallOptions extends CallOptions {
  /** Instead of the client's own. */
  readonly deadlineMs?: number;
}

export interface ClusterSubmitOptions extends ClusterCallOptions {
  /** `checkpoint` (default): with a receipt that was verified. `durable`: sooner, on the node's word. */
  readonly waitFor?: 'durable' | 'checkpoint';
}

export interface ClusterReceiptOptions extends ClusterCallOptions {
  /** Of the data; without it the receipt proves what the log holds under the id. */
  readonly digest?: Uint8Array;
  readonly waitFor?: 'checkpoint' | 'final';
}

export interface ClusterClient {
  /**
   * Submits at whoever leads, and again elsewhere with the same key or content until it is answered (CK2). Rejects with
   * `client/outcome-unknown` when the deadline ends first, with `client/untrusted-answer` when no node has an answer that
   * the pinned keys bear out.
   */
  submit(submission: DigestSubmission, options?: ClusterSubmitOptions): Promise<Submitted>;
  /** A verified receipt (CK4). `notary/not-found` is a node's word, after a linearizable read (R14). */
  receipt(id: bigint, options?: ClusterReceiptOptions): Promise<Receipt>;
  /** Any method that may be repeated, at one member or another: a node's word. */
  call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options?: ClusterCallOptions,
  ): Promise<MethodResult<M>>;
  session(options?: SessionOptions): Session;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** 1 to 40 characters of A–Z, a–z, 0–9, `-` and `_`; default: 128 random bits. */
  readonly id?: string;
  /** Number of the first write; of a session that goes on, the one behind its last. Default 1. */
  readonly next?: number;
  /** Writes on their way at once; default 1: the log has them in their order. */
  readonly inFlightMax?: number;
}

/** Writes that are numbered, each once in the log (CK5, CK6). */
export interface Session {
  readonly id: string;
  /** Number of the next write. */
  readonly next: number;
  /**
   * Writes once those before it are on their way, or answered; at most `inFlightMax` are on their way. Rejects with
   * `client/session-unsettled` when an earlier write cannot be settled: nothing of this one was sent.
   */
  submit(
    submission: Omit<DigestSubmission, 'idempotencyKey'>,
    options?: ClusterSubmitOptions,
  ): Promise<Submitted & { readonly sequence: number }>;
  /** Finds out what became of writes whose outcome was unknown; the next write does so by itself. */
  settle(options?: ClusterCallOptions): Promise<readonly Settled[]>;
}

/** What a write whose outcome was unknown came to. */
export interface Settled {
  readonly sequence: number;
  /** Present when it is in the log, `error` when it was refused and is not. */
  readonly submitted?: Submitted;
  readonly error?: Error;
}
