/**
 * What a node keeps: logs (read side) and an ordered key-value map.
 *
 * ```ts
 * const store = openNativeLogStore(core, partitions);
 * const rows = store.read(0, 0, 1 << 20);
 * const path = store.inclusion(0, { index: 0, size: store.durableSize(0) }, 'blake3');
 * ```
 *
 * Logs are written through a replicator (consensus/), with the packed batches of `encodeProposal` and friends
 * (docs/spec/batch.md). Every implementation passes the suites in `test/contract/`.
 */

export {
  attachObjects,
  attachSchemas,
  checkStore,
  type ExportForm,
  exportStore,
  FILE_FORMATS,
  type FileFormatName,
  type ObjectDamage,
  type ObjectErrorCode,
  type ObjectStats,
  type ObjectStore,
  type ObjectStoreOptions,
  type OffsetRange,
  openObjects,
  openSchemas,
  type RepairCallOptions,
  type RepairErrorCode,
  type RepairProgress,
  readFileReference,
  rebuildStoreIndex,
  referToFile,
  repairStore,
  type SchemaErrorCode,
  type SchemaRegistry,
  type SchemaRule,
  type SchemaStats,
  type SchemaSubject,
  type SegmentTotals,
  type StoredObject,
  type StoreExport,
  type StoreFigures,
  type StoreFinding,
  type StoreRepair,
  type StoreReport,
  type SweepFigures,
  storeFigures,
  verifyFile,
} from '../native/index.ts';
export { openLevelKeyValue } from './disk-key-value.ts';
export {
  type IdRun,
  type IdSequencer,
  idsOf,
  openNativeIdSequencer,
  RESERVED_IDS_MAX,
  type ScarabParts,
  scarabId,
  scarabParts,
} from './ids.ts';
export type {
  KeyRange,
  KeyValue,
  KeyValueEntry,
  KeyValueError,
  KeyValueOp,
  KeyValueReader,
  KeyValueSnapshot,
} from './key-value.ts';
export {
  attachLsmKeyValue,
  type LsmKeyValue,
  type LsmKeyValueOptions,
  openLsmKeyValue,
} from './lsm-key-value.ts';
export {
  createMemoryIdSequencer,
  type MemoryIdSequencer,
  type MemoryIdSequencerOptions,
} from './memory-id-sequencer.ts';
export { openMemoryKeyValue } from './memory-key-value.ts';
export { createMemoryLogStore, type MemoryLogStore } from './memory-log-store.ts';
export type { MemoryEntry } from './memory-partition.ts';
export { openNativeLogStore } from './native-log-store.ts';
export {
  decodeFileReference,
  decodeObjectReference,
  FILE_SCHEMA,
  type FileReference,
  OBJECT_SCHEMA,
  type ObjectReference,
} from './objects.ts';
export {
  decodeOutcomes,
  decodePaths,
  encodeOutcomes,
  encodePaths,
  firstNewOffset,
  OUTCOME_BYTES,
  type Outcome,
  separatePaths,
  splitHashes,
} from './outcome.ts';
export {
  type DigestRun,
  encodeDigests,
  encodeNotaryProposal,
  encodeProposal,
  PROPOSAL_RECORDS_MAX,
  type ProposedDigest,
  type ProposedRecord,
} from './proposal.ts';
export { decodeProposal } from './proposal-decode.ts';
export type {
  Appended,
  FileSource,
  NewRecord,
  RecordContent,
  RecordError,
  RecordErrorCode,
  RecordLog,
  RecordStore,
  RecordStoreDeps,
  RecordStoreOptions,
} from './record-types.ts';
export { createRecordStore } from './records.ts';
export { decodeRows, encodeRow } from './row.ts';
export {
  openSegmentTable,
  type SegmentColumns,
  type SegmentTable,
  type SegmentTableOptions,
} from './segment.ts';
export type {
  DurabilityPolicy,
  LogPartition,
  LogRow,
  LogSnapshot,
  LogStore,
  StorageError,
  StorageErrorCode,
  TreeAlgorithm,
  TreePosition,
  TreeRange,
} from './types.ts';
