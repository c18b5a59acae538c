/**
 * Sealed segments as Arrow tables over their mapped files: no row is copied, and none is turned into an object.
 *
 * ```ts
 * const { table, segment } = await openSegmentTable({ dir, name, figures });
 * const timestamps = table.getChild('timestamp')?.data[0]?.values; // a typed array over the mapping
 * const offset = segment.byKey(key);
 * segment.close(); // the table stays as long as somebody holds it
 * ```
 */
import type {
  Binary,
  FixedSizeBinary,
  Table,
  TimestampMillisecond,
  Uint32,
  Uint64,
} from 'apache-arrow';
import { PyralogError } from '../base/errors.ts';
import {
  openSegment,
  type Segment,
  type SegmentErrorCode,
  type SegmentPlace,
} from '../native/index.ts';

/** First byte of the figures of a hot segment (H1). */
const HOT = 0;

/** Columns of a segment (docs/spec/segment.md H3). */
export type SegmentColumns = {
  offset: Uint64;
  epoch: Uint32;
  timestamp: TimestampMillisecond;
  scarab_id: Uint64;
  key: Binary;
  value: Binary;
  headers: Binary;
  schema_id: Uint32;
  leaf_hash: FixedSizeBinary;
};

export interface SegmentTable {
  /** All rows, in order. Memory of the mapping, so what nobody looks at is never read. */
  readonly table: Table<SegmentColumns>;
  /** Lookups. Close it when they are done. */
  readonly segment: Segment;
}

export interface SegmentTableOptions extends SegmentPlace {
  /** What the manifest knows of it (H1). */
  readonly figures: Uint8Array;
  /** Checks all blocks first (H6), which reads the whole file once. Without it damage shows as other values. */
  readonly check?: boolean;
}

/** Rejects with `storage/corrupt`, `storage/format` (also for a cold segment: Parquet is no table in place), `storage/io`. */
export async function openSegmentTable(options: SegmentTableOptions): Promise<SegmentTable> {
  // Few processes read tables, and the library is large.
  const { tableFromIPC } = await import('apache-arrow');
  const segment = openSegment(options);
  try {
    if (options.figures[0] !== HOT) {
      const message = `segment ${options.name} is cold: read its Parquet file with what reads Parquet, or its rows through the store`;
      throw new PyralogError<SegmentErrorCode>('storage/format', message);
    }
    if (options.check) await segment.check();
    const table = tableFromIPC<SegmentColumns>(segment.buffer());
    const version = table.schema.metadata.get('pyralog.segment');
    if (version !== '1') {
      const message = `segment ${options.name} has the format version ${version}; a newer version may read it`;
      throw new PyralogError<SegmentErrorCode>('storage/format', message);
    }
    return { table, segment };
  } catch (error) {
    segment.close();
    throw error;
  }
}
