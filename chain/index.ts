/**
 * The chain: blocks of transactions that change one state, agreed on by an engine of consensus/ (docs/spec/chain.md).
 *
 * ```ts
 * const chain = await openChain({ store, tree: openStateTree(), openMempool, genesis, verifyCertificate, log, onBug });
 * await engine.start(chain.app, signal);
 * const signed = await signTransaction({ sender, nonce: 0n, fee: 3_000n, until: 0, body }, network, signer);
 * await engine.submit(signed.bytes);
 * chain.onFinal(({ height, anchors }) => …);
 * await chain.reader.transaction(signed.id); // { state: 'final', height, … }
 * ```
 *
 * `codec/` is what is in the bytes, `execution/` what a block does to the state, `store/` what is on disk, `mempool/` what
 * waits; `app.ts` joins them for the engine and `reader.ts` for everybody else.
 */

export { AccountSender, type AccountSenderDeps, type Sent } from './account-sender.ts';
export {
  type AnchorChainDeps,
  type AnchorFigures,
  createAnchorChain,
  type NodeAnchorChain,
} from './anchor-chain.ts';
export { ensureRegistered, type Registration } from './anchor-registration.ts';
export {
  type Anchoring,
  type AnchoringDeps,
  type AnchoringOptions,
  startAnchoring,
} from './anchor-service.ts';
export { openChain } from './chain.ts';
export { type BlockParts, decodeBlock, encodeBlock } from './codec/block.ts';
export type { Decoded } from './codec/cbor.ts';
export { accountKey, clusterAccount, clusterKey, logKey } from './codec/state.ts';
export {
  decodeTransaction,
  encodeTransaction,
  minimumFee,
  type SignedTransaction,
  signTransaction,
  TRANSACTION_BYTES_MAX,
  transactionId,
} from './codec/transaction.ts';
export {
  createFinalAnchors,
  type FinalAnchorsDeps,
  type NodeFinalAnchors,
} from './final-anchors.ts';
export {
  startTransactionGossip,
  type TransactionGossip,
  type TransactionGossipDeps,
  type TransactionGossipFigures,
  type TransactionGossipOptions,
} from './mempool/gossip.ts';
export { createMempool, type MempoolDeps, type MempoolOptions } from './mempool/mempool.ts';
export type { Admission, Mempool, PoolEntry, StateReads } from './mempool/types.ts';
export {
  CHAIN_DEFAULTS,
  type Chain,
  type ChainDeps,
  type ChainGenesis,
  type ChainOptions,
  type FinalNotice,
  type VerifyCertificate,
} from './options.ts';
export type {
  Account,
  AnchoredLog,
  BlockHeader,
  ChainError,
  ChainErrorCode,
  ChainFigures,
  ChainParameters,
  ChainReader,
  Cluster,
  FinalAnchor,
  FinalBlock,
  Transaction,
  TransactionBody,
  TransactionStatus,
  UnsignedTransaction,
} from './types.ts';
