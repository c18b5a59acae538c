// SPDX-License-Identifier: Apache-2.0
/** What a client is made of and what it answers. */
import type {
  AccountState,
  AnchoredLog,
  ChainHead,
  ChainParameters,
  Checkpoint,
  ClusterState,
  FinalAnchor,
  FinalBlock,
  LogInfo,
  MethodName,
  MethodParams,
  MethodResult,
  RecordStatus,
  RpcErrorObject,
  Submitted,
  TransactionOutcomeCode,
  TransactionStatus,
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
  /** Gives up a call that has had no answer for so long, all its tries together; default 60,000. A call with a `timeoutMs` has that, and 3 s for the answer to arrive. */
  readonly answerMsMax?: number;
  /** Called when a call begins; what it gives is called when the call ends. For whoever tells a person what is waited for. */
  readonly onCall?: () => () => void;
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

/** How new the answer of a member of a cluster must be (rpc.md R14); default: what it has. */
export interface ReadOptions extends CallOptions {
  /** `linearizable`: nothing is missing that was acknowledged, anywhere, before the call. */
  readonly read?: 'local' | 'linearizable';
  /** Nothing is missing that was acknowledged longer ago than this. */
  readonly maxStalenessMs?: number;
}

export interface SubmitOptions extends CallOptions {
  /** `durable` (default): on disk, or `accepted` where the log promises no more; see `level` in the answer. `checkpoint`: signed, with the receipt in the answer. */
  readonly waitFor?: 'durable' | 'checkpoint';
  /** How long the node may wait before it answers `notary/outcome-unknown`. */
  readonly timeoutMs?: number;
}

export interface ReceiptOptions extends ReadOptions {
  /** What there is (`durable`, the default), once it is signed (`checkpoint`), once its anchor is final (`final`). */
  readonly waitFor?: 'durable' | 'checkpoint' | 'final';
  readonly timeoutMs?: number;
}

export interface TransactionOptions extends CallOptions {
  /** `pending` (default): in the mempool. `final`: in a final block, or dropped. */
  readonly waitFor?: 'pending' | 'final';
  /** When time is up the answer is what is known then. */
  readonly timeoutMs?: number;
}

/** What one transaction of a batch came to. */
export type TransactionOutcome =
  | { readonly ok: true; readonly id: Uint8Array }
  | { readonly ok: false; readonly error: RpcErrorObject };

/** What one transaction of a frame came to (R9). */
export interface PackedOutcome {
  readonly code: TransactionOutcomeCode;
  /** 0 = no time is named. */
  readonly retryAfterMs: number;
  /** Zeroes unless it was taken. */
  readonly id: Uint8Array;
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
  /** `accepted`: the log does not sync for every answer, and a crash of its node may lose the records. */
  readonly durability: 'durable' | 'accepted';
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
  status(id: bigint, options?: ReadOptions): Promise<RecordStatus>;
  receipt(id: bigint, options?: ReceiptOptions): Promise<Receipt>;
  /** The receipt at the best level there is, or once it has the level of `waitFor`. */
  upgradeReceipt(receipt: Receipt, options?: ReceiptOptions): Promise<Receipt>;
  search(
    query: {
      readonly algorithm: DigestAlgorithm;
      readonly digest: Uint8Array;
      readonly limit?: number;
    },
    options?: ReadOptions,
  ): Promise<RecordStatus[]>;
  /** Records of a log from the first at or after `time` (Unix milliseconds) on, oldest first; 100 unless `limit` says otherwise. */
  since(
    query: { readonly origin: string; readonly time: number; readonly limit?: number },
    options?: ReadOptions,
  ): Promise<RecordStatus[]>;
  verify(receipt: Receipt, digest?: Uint8Array, options?: CallOptions): Promise<VerifyAnswer>;
  info(options?: CallOptions): Promise<MethodResult<'notary_info'>>;
  logs(origin?: string, options?: ReadOptions): Promise<LogInfo[]>;
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
  /** The receipt of each of up to 1,000 ids, once it is final; ends when all are told. */
  subscribeFinal(ids: readonly bigint[], options?: CallOptions): AsyncIterable<Receipt>;
  /** Calls about the chain; `chain/no-chain` from a node that is on none. */
  readonly chain: ChainClient;
  /** Any method, in wire form. */
  call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options?: CallOptions,
  ): Promise<MethodResult<M>>;
  /** Rejects what is in flight with `rpc/connection-lost` and closes the connection. Idempotent. */
  close(): Promise<void>;
}

/** What a node says of the chain. It shows final state only; nothing of it is evidence but proofs. */
export interface ChainClient {
  /** The newest final block; undefined before the first. */
  head(options?: CallOptions): Promise<ChainHead | undefined>;
  /** The newest without `height`. */
  block(height?: number, options?: CallOptions): Promise<FinalBlock>;
  parameters(options?: CallOptions): Promise<ChainParameters>;
  /** Network id and text of `genesis.json`. */
  genesis(options?: CallOptions): Promise<MethodResult<'chain_genesis'>>;
  account(key: Uint8Array, options?: CallOptions): Promise<AccountState>;
  cluster(name: string, options?: CallOptions): Promise<ClusterState>;
  log(origin: string, options?: CallOptions): Promise<AnchoredLog>;
  /** Gives a signed transaction to the mempool. Repeating it is safe: it is taken once. */
  submit(
    transaction: Uint8Array,
    options?: TransactionOptions,
  ): Promise<{ id: Uint8Array; status: TransactionStatus }>;
  submitBatch(
    transactions: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<TransactionOutcome[]>;
  /** 1 to 4,096 transactions in a binary frame (R9). */
  submitPacked(
    transactions: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<readonly PackedOutcome[]>;
  transactionStatus(id: Uint8Array, options?: TransactionOptions): Promise<TransactionStatus>;
  /** CBOR of finality.md F7. */
  transactionProof(id: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** Of an entry of the state, or of its absence (X14, state.md). */
  stateProof(
    key: Uint8Array,
    options?: CallOptions,
  ): Promise<{ height: number; value: Uint8Array | undefined; proof: Uint8Array }>;
  /** The first final anchor that covers `size` records (F4; F5 with `byHistory`). */
  anchorProof(
    request: { readonly origin: string; readonly size: number; readonly byHistory?: boolean },
    options?: CallOptions,
  ): Promise<{ anchor: FinalAnchor; scheme: number; proof: Uint8Array }>;
  anchorStatus(options?: CallOptions): Promise<MethodResult<'anchor_status'>>;
  consensusStatus(options?: CallOptions): Promise<MethodResult<'consensus_status'>>;
  /** The newest final block, then every newer one seen. */
  subscribeHeads(options?: CallOptions): AsyncIterable<ChainHead>;
  /** The newest final anchor of a log, then every newer one seen. */
  subscribeAnchors(origin: string, options?: CallOptions): AsyncIterable<FinalAnchor>;
}
