import type { FinalityEvidence, StoredBlock } from '../../consensus/index.ts';
import type { KeyValue, KeyValueOp } from '../../storage/index.ts';
import { type BlockParts, decodeBlock } from '../codec/block.ts';
import { decodeAs, encodeAs, type Format } from '../codec/cbor.ts';
import { chainError } from '../errors.ts';
import type { StateChange } from '../execution/working-state.ts';
import type { ChainError } from '../types.ts';
import {
  anchorKey,
  anchorRange,
  anchorSize,
  decodePlace,
  encodePlace,
  HEAD_KEY,
  heightKey,
  type Place,
  stateKey,
  transactionKey,
} from './layout.ts';
import { EVIDENCE, HEAD, LEAVES } from './records.ts';

/** A block as it goes to disk, with everything that follows from it. */
export interface StoreEntry {
  readonly height: number;
  readonly id: Uint8Array;
  /** Unix milliseconds. */
  readonly time: number;
  readonly bytes: Uint8Array;
  readonly evidence: FinalityEvidence;
  /** Ids, in order. */
  readonly transactions: readonly Uint8Array[];
  readonly anchors: readonly {
    readonly origin: string;
    readonly size: number;
    /** CBOR of the leaf (X10). */
    readonly leaf: Uint8Array;
    /** Index of its transaction. */
    readonly index: number;
  }[];
  readonly changes: Iterable<StateChange>;
}

/** Anchor of a log, and where it is. */
export interface StoredAnchor extends Place {
  readonly size: number;
}

/** A final block as it is read back. */
export interface StoredParts extends BlockParts {
  readonly bytes: Uint8Array;
}

/** What the store holds does not fit together (X21). */
export function damaged(what: string): ChainError {
  return chainError(
    'chain/store-damaged',
    `chain store: ${what}. Restore a backup, or remove the chain's directory and let the node sync again (X21)`,
  );
}

/** Blocks, their evidence, indexes and the newest state, on a key-value store. Layout: layout.ts. */
export class ChainStore {
  readonly kv: KeyValue;

  constructor(kv: KeyValue) {
    this.kv = kv;
  }

  /** A block, its certificate, its state changes and indexes: one atomic, synced write (X21). */
  async append(entry: StoreEntry): Promise<void> {
    await this.kv.batch([...opsOf(entry)]);
  }

  async parts(height: number): Promise<StoredParts | undefined> {
    const bytes = await this.kv.get(heightKey('b', height));
    if (bytes === undefined) return undefined;
    const block = decodeBlock(bytes);
    if (!block.ok) throw damaged(`block ${height}: ${block.reason}`);
    return { ...block.value, bytes };
  }

  async evidence(height: number): Promise<FinalityEvidence> {
    return await this.#record(EVIDENCE, height, 'e');
  }

  /** Leaves of the tree `anchors` of a block that has anchors. */
  async anchorLeaves(height: number): Promise<readonly Uint8Array[]> {
    return await this.#record(LEAVES, height, 'n');
  }

  async id(height: number): Promise<Uint8Array | undefined> {
    return await this.kv.get(heightKey('i', height));
  }

  async block(
    height: number,
    timeOf: (header: Uint8Array) => number,
  ): Promise<StoredBlock | undefined> {
    const parts = await this.parts(height);
    if (parts === undefined) return undefined;
    const [id, evidence] = await Promise.all([this.id(height), this.evidence(height)]);
    if (id === undefined) throw damaged(`block ${height} has no id`);
    return { height, id, time: timeOf(parts.header), bytes: parts.bytes, evidence };
  }

  async transaction(id: Uint8Array): Promise<Place | undefined> {
    const value = await this.kv.get(transactionKey(id));
    return value === undefined ? undefined : decodePlace(value);
  }

  /** The first anchor of the log with at least `size` records. */
  async anchor(origin: string, size: number): Promise<StoredAnchor | undefined> {
    for await (const [key, value] of this.kv.range({ ...anchorRange(origin, size), limit: 1 })) {
      return { ...decodePlace(value), size: anchorSize(key) };
    }
    return undefined;
  }

  async #record<T>(format: Format<T>, height: number, letter: 'e' | 'n'): Promise<T> {
    const bytes = await this.kv.get(heightKey(letter, height));
    if (bytes === undefined) throw damaged(`${format.what} of height ${height} is missing`);
    const record = decodeAs(format, bytes);
    if (!record.ok) throw damaged(`height ${height}: ${record.reason}`);
    return record.value;
  }
}

function* opsOf(entry: StoreEntry): Iterable<KeyValueOp> {
  const { height, id, time, bytes, evidence, transactions, anchors } = entry;
  yield put(heightKey('b', height), bytes);
  yield put(heightKey('e', height), encodeAs(EVIDENCE, evidence));
  yield put(heightKey('i', height), id);
  if (anchors.length > 0) {
    const leaves = anchors.map(({ leaf }) => leaf);
    yield put(heightKey('n', height), encodeAs(LEAVES, leaves));
  }
  for (const [index, transaction] of transactions.entries()) {
    yield put(transactionKey(transaction), encodePlace({ height, time, index, anchorIndex: 0 }));
  }
  for (const [anchorIndex, { origin, size, index }] of anchors.entries()) {
    yield put(anchorKey(origin, size), encodePlace({ height, time, index, anchorIndex }));
  }
  for (const [key, value] of entry.changes) {
    if (value === undefined) yield { kind: 'delete', key: stateKey(key) };
    else yield put(stateKey(key), value);
  }
  yield put(HEAD_KEY, encodeAs(HEAD, { height, id }));
}

export function put(key: Uint8Array, value: Uint8Array): KeyValueOp {
  return { kind: 'put', key, value };
}
