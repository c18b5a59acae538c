/**
 * Protocols that make many machines agree, and what they ask of others. Each protocol: types, machine, host.
 *
 * ```ts
 * const replicator = createSoloReplicator(core, partitions.length);
 * const done = await replicator.propose(0, encodeProposal(records), { wait: 'durable', paths: false });
 * ```
 *
 * `Replicator` orders batches of a log, `Cosigner` signs its checkpoints, `Anchor` puts them on a chain, `Engine` is the
 * chain's own agreement. Every implementation passes the suites in `test/contract/`.
 */
export {
  type Anchor,
  type AnchorDeps,
  openAnchor,
  readCheckpoint,
} from './anchor/anchor.ts';
export type { AnchorBlock, AnchorChain, Anchored, AnchorTransaction } from './anchor/chain.ts';
export {
  MemoryChain,
  type MemoryChainDeps,
  type MemoryChainFaults,
} from './anchor/memory-chain.ts';
export type { AnchorCheckpoint, AnchorRoot, Limits as AnchorLimits } from './anchor/types.ts';
export {
  type ClusterDone,
  type ClusterReplicatorOptions,
  type ClusterServiceCommand,
  createClusterReplicator,
} from './cluster-replicator.ts';
export {
  type Cosigner,
  type CosignerDeps,
  createCosigner,
  createMemorySignedStates,
  type SignedState,
  type SignedStates,
} from './cosigner.ts';
export type {
  App,
  BlockInfo,
  BlockVerdict,
  BuiltBlock,
  Engine,
  EngineFigures,
  FinalityEvidence,
  Finalized,
  ProposalRequest,
  StoredBlock,
  ValidatorInfo,
} from './engine.ts';
export type { ConsensusError, ConsensusErrorCode } from './errors.ts';
export {
  type Freshness,
  type FreshnessDeps,
  Freshnesses,
} from './freshness.ts';
export { createInstantEngine, type InstantEngineDeps } from './instant-engine.ts';
export {
  createMemoryReplicator,
  type MemoryReplicator,
  type MemoryReplicatorDeps,
} from './memory-replicator.ts';
export { Newest } from './newest.ts';
export type { PosDisk, PosFile } from './pos/disk.ts';
export { openPosDisk } from './pos/file-disk.ts';
export { createPosEngine } from './pos/host.ts';
export { type DiskStep, type MemoryDiskOptions, MemoryPosDisk } from './pos/memory-disk.ts';
export { POS_PRESETS, type PosOptions, type PosTimeouts } from './pos/options.ts';
export {
  createProtection,
  type ProtectionDeps,
  type ProtectionOwner,
} from './pos/protection.ts';
export type { Mute, PosChain, PosDeps, PosEngine, PosFigures } from './pos/types.ts';
export {
  decodeConsensusFrame,
  decodeSyncAnswer,
  encodeStatus,
  encodeSyncAnswer,
  messageFrame,
  proposalFrame,
  readSigned,
} from './pos/wire.ts';
export type {
  AckPolicy,
  CheckpointFeed,
  Replicated,
  ReplicateOptions,
  Replicator,
  Role,
  SignedCheckpoint,
} from './replicator.ts';
export { createSeedSigner, type Signer, verifySigned } from './signer.ts';
export { createSoloReplicator } from './solo-replicator.ts';
