import { blake3 } from '@noble/hashes/blake3.js';
import {
  consistencyPath,
  encodeLeafRecord,
  inclusionPath,
  type LeafRecord,
  rootOf,
  treeHash,
} from '../receipt/index.ts';
import { Duplicates, scopeOf } from './duplicates.ts';
import { outOfRange } from './malformed.ts';
import type { Outcome } from './outcome.ts';
import type { ProposedRecord } from './proposal.ts';
import type { LogPartition, LogRow, TreeAlgorithm, TreePosition, TreeRange } from './types.ts';

/** A committed entry, as a replicator applies it. */
export interface MemoryEntry {
  readonly epoch: number;
  /** Unix milliseconds; never less than the entry before (L5). */
  readonly timestamp: number;
  /** Id of the i-th record of the proposal; strictly increasing over the log (L5). */
  readonly idOf: (index: number) => bigint;
  readonly records: readonly ProposedRecord[];
}

/**
 * One partition in memory: rows, leaves, duplicates.
 *
 * Written from the specification, not from the native core, so that a property test that holds the two equal means something. Paths
 * and roots come from receipt/ in time proportional to the log: for tests and small demonstrations.
 */
export class MemoryPartition {
  readonly options: LogPartition;
  readonly rows: LogRow[] = [];
  /** Nothing is ever removed. */
  readonly firstOffset = 0;
  readonly #leaves: Record<TreeAlgorithm, Uint8Array[]> = { blake3: [], sha256: [] };
  readonly #offsetById = new Map<bigint, number>();
  readonly #duplicates: Duplicates;

  constructor(options: LogPartition) {
    this.options = options;
    this.#duplicates = new Duplicates({
      records: options.dedupRecords,
      ms: options.dedupWindowMs,
    });
  }

  /** Decides and appends (N2). */
  apply(entry: MemoryEntry): Outcome[] {
    return entry.records.map((proposed, i) => this.#applyOne(entry, proposed, i));
  }

  offsetOfId(id: bigint): number | undefined {
    return this.#offsetById.get(id);
  }

  root(size: number, algorithm: TreeAlgorithm): Uint8Array {
    return rootOf(treeHash(algorithm), this.#upTo(size, algorithm));
  }

  inclusion({ index, size }: TreePosition, algorithm: TreeAlgorithm): Uint8Array[] {
    const leaves = this.#upTo(size, algorithm);
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
      throw outOfRange(`${this.options.origin}: no record ${index} in a tree of ${size}`);
    }
    return inclusionPath(treeHash(algorithm), leaves, index);
  }

  consistency({ from, to }: TreeRange, algorithm: TreeAlgorithm): Uint8Array[] {
    const leaves = this.#upTo(to, algorithm);
    if (!Number.isSafeInteger(from) || from < 0 || from > to) {
      throw outOfRange(`${this.options.origin}: a tree of ${to} does not extend one of ${from}`);
    }
    return consistencyPath(treeHash(algorithm), leaves, from);
  }

  #applyOne(entry: MemoryEntry, proposed: ProposedRecord, index: number): Outcome {
    const offset = this.rows.length;
    const { timestamp, epoch } = entry;
    const record: LeafRecord = {
      timestamp,
      scarabId: entry.idOf(index),
      offset,
      epoch,
      schemaId: proposed.schemaId,
      valueHash: blake3(proposed.value),
      ...(proposed.key === undefined ? {} : { keyHash: blake3(proposed.key) }),
      ...(proposed.headers === undefined ? {} : { headersHash: blake3(proposed.headers) }),
    };
    const leaf = encodeLeafRecord(record);
    const content = Buffer.from(leaf.subarray(28)).toString('hex');
    const scope = scopeOf(proposed.submitter, proposed.idempotencyKey, content);
    const known = this.#duplicates.find(scope, offset, timestamp);
    if (known !== undefined) {
      return { status: known.content === content ? 'duplicate' : 'conflict', ...known.position };
    }
    const position = { epoch, offset, id: record.scarabId, timestamp };
    this.#duplicates.add(scope, { position, content });
    this.#append(record, leaf, proposed);
    return { status: 'new', ...position };
  }

  #append(record: LeafRecord, leaf: Uint8Array, { value, key, headers }: ProposedRecord): void {
    this.rows.push({
      record,
      leaf,
      value: Uint8Array.from(value),
      ...(key === undefined ? {} : { key: Uint8Array.from(key) }),
      ...(headers === undefined ? {} : { headers: Uint8Array.from(headers) }),
    });
    this.#offsetById.set(record.scarabId, record.offset);
    this.#leaves.blake3.push(treeHash('blake3').leaf(leaf));
    if (this.options.sha256) this.#leaves.sha256.push(treeHash('sha256').leaf(leaf));
  }

  #upTo(size: number, algorithm: TreeAlgorithm): Uint8Array[] {
    const leaves = this.#leaves[algorithm];
    if (algorithm === 'sha256' && !this.options.sha256) {
      throw outOfRange(`${this.options.origin} keeps no SHA-256 tree`);
    }
    if (!Number.isSafeInteger(size) || size < 0 || size > leaves.length) {
      throw outOfRange(`${this.options.origin} has ${leaves.length} records, not ${size}`);
    }
    return leaves.slice(0, size);
  }
}
