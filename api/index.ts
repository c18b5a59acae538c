// SPDX-License-Identifier: Apache-2.0
/**
 * The RPC surface, shared by server and client: one schema per method, the wire forms, the binary frames.
 * Wire rules: docs/spec/rpc.md. Browser-safe.
 *
 *     type Params = MethodParams<'notary_submit'>;      // from the schema
 *     methods.notary_submit.params                      // JSON Schema that validates
 *     openRpcDocument('0.1.0')                          // what rpc.discover answers
 *     decodeDigestFrame(message)                        // frame or refusal, never an exception
 */
export {
  countFromWire,
  digestFromWire,
  idFromWire,
  logInfoFromWire,
  logInfoToWire,
  Misread,
  nameFromWire,
  pathFromWire,
  pathToWire,
  receiptFromWire,
  receiptToWire,
  statusFromWire,
  statusToWire,
  submittedFromWire,
  submittedToWire,
} from './convert.ts';
export {
  accountFromWire,
  accountToWire,
  amountFromWire,
  anchoredLogFromWire,
  anchoredLogToWire,
  blockFromWire,
  blockToWire,
  bytesFromWire,
  clusterFromWire,
  clusterToWire,
  finalAnchorFromWire,
  finalAnchorToWire,
  headFromWire,
  headToWire,
  parametersFromWire,
  parametersToWire,
  transactionStatusFromWire,
  transactionStatusToWire,
} from './convert-chain.ts';
export type { FrameRefusal } from './frame-parts.ts';
export {
  type AnswerFrame,
  type DigestFrame,
  decodeAnswerFrame,
  decodeDigestFrame,
  type ErrorFrame,
  encodeDigestFrame,
  encodeErrorFrame,
  encodeOutcomeFrame,
  FRAME_DIGESTS_MAX,
  OUTCOME_BYTES,
  type Outcome,
  type OutcomeFrame,
  outcomeAt,
} from './frames.ts';
export {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  type RpcId,
  readErrorObject,
} from './jsonrpc.ts';
export {
  isMethodName,
  type MethodDefinition,
  type MethodListener,
  type MethodName,
  type MethodParams,
  type MethodResult,
  methodNames,
  methods,
} from './methods.ts';
export { APPEND_RECORDS_MAX, PAYLOAD_BYTES_MAX } from './methods-store.ts';
export { openRpcDocument } from './openrpc.ts';
export { SEARCH_LIMIT_MAX, SUBMISSIONS_MAX, TIMEOUT_MS_MAX } from './schemas.ts';
export { FINAL_IDS_MAX, TRANSACTION_BYTES_MAX, TRANSACTIONS_MAX } from './schemas-chain.ts';
export {
  decodeTransactionFrame,
  encodeTransactionFrame,
  encodeTransactionOutcomes,
  FRAME_TRANSACTIONS_MAX,
  isTransactionFrame,
  TRANSACTION_OUTCOMES,
  type TransactionFrame,
  type TransactionOutcome,
  type TransactionOutcomeCode,
  type TransactionOutcomeFrame,
} from './transaction-frames.ts';
export type {
  Checkpoint,
  Level,
  LogInfo,
  RecordStatus,
  RpcErrorData,
  RpcErrorObject,
  Submitted,
  TreeAlgorithm,
} from './types.ts';
export type {
  AccountState,
  AnchoredLog,
  ChainHead,
  ChainParameters,
  ClusterState,
  FinalAnchor,
  FinalBlock,
  TransactionStatus,
} from './types-chain.ts';
