// SPDX-License-Identifier: Apache-2.0
/**
 * The client of a Pyralog node. Runs in browsers and in Node: global `fetch` and `WebSocket` only.
 *
 *     const client = createClient({ url: 'ws://127.0.0.1:8650' });
 *     const { id, receipt } = await client.submit({ algorithm: 'sha256', digest }, { waitFor: 'checkpoint' });
 *     for await (const { size, note } of client.subscribeCheckpoints(origin)) audit(size, note);
 *     await client.close();
 *
 * {@link createClusterClient} does the like with several members of a cluster, and verifies what it is told.
 *
 * A failed call rejects with an {@link RpcError}; a receipt is believed only after `verifyReceipt` of `receipt/`.
 */
export {
  type AccountState,
  type AnchoredLog,
  type ChainHead,
  type ChainParameters,
  type Checkpoint,
  type ClusterState,
  type FinalAnchor,
  type FinalBlock,
  type Level,
  type LogInfo,
  type MethodName,
  type MethodParams,
  type MethodResult,
  type Outcome,
  outcomeAt,
  type RecordStatus,
  type RpcErrorObject,
  type Submitted,
  type TransactionOutcomeCode,
  type TransactionStatus,
  type TreeAlgorithm,
} from '../api/index.ts';
export { createClient } from './client.ts';
export { createClusterClient } from './cluster.ts';
export type {
  ClusterCallOptions,
  ClusterClient,
  ClusterClientOptions,
  ClusterNode,
  ClusterParts,
  ClusterReceiptOptions,
  ClusterSubmitOptions,
  Session,
  SessionOptions,
  Settled,
} from './cluster-types.ts';
export { type ClientErrorCode, RpcError } from './errors.ts';
export {
  type SignedTransaction,
  seedKey,
  signTransaction,
  type TransactionKey,
  transactionId,
  type WalletBody,
  type WalletTransaction,
} from './transaction.ts';
export type {
  BatchOutcome,
  CallOptions,
  ChainClient,
  Client,
  ClientOptions,
  DigestSubmission,
  PackedAnswer,
  PackedOutcome,
  ReadOptions,
  ReceiptOptions,
  RetryOptions,
  SubmitOptions,
  TransactionOptions,
  TransactionOutcome,
  VerifyAnswer,
} from './types.ts';
