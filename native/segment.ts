/**
 * Sealed segments of the native store (docs/spec/segment.md): rows in an Arrow file that is mapped and never changes.
 *
 * ```ts
 * const segment = openSegment({ dir, name, figures });
 * const bytes = segment.buffer(); // an Arrow file; storage/ makes a table of it, without a copy
 * const offset = segment.byKey(key);
 * segment.close();
 * ```
 */
import { PyralogError } from '../base/errors.ts';
import { ask, binding } from './binding.ts';
import type { NativeAnswer } from './pyralog.d.ts';
import type { NativeErrorCode } from './types.ts';

/** Codes of segments. */
export type SegmentErrorCode =
  | Extract<
      NativeErrorCode,
      | 'storage/disk-full'
      | 'storage/corrupt'
      | 'storage/format'
      | 'storage/io'
      | 'batch/malformed'
      | 'log/overloaded'
    >
  /** The segment was closed. */
  | 'storage/segment-closed';

/** Where a segment is. */
export interface SegmentPlace {
  readonly dir: string;
  /** Name of its files, without what stands behind the dot. */
  readonly name: string;
}

/** Damage in a segment; everything outside of the offsets reads as before. */
export interface SegmentDamage {
  /** First damaged offset. */
  readonly start: number;
  /** The first one behind; equal to `start` when only the sidecar is damaged. */
  readonly end: number;
  readonly what: string;
}

/** Every call throws `storage/segment-closed` after {@link close}, and `storage/corrupt` for what a bad block holds. */
export interface Segment {
  /**
   * The data file as memory, without a copy: each call maps it anew, and the mapping goes when the buffer is collected,
   * also after {@link close}. What is written to it stays in this buffer. Its blocks are not checked: see {@link check}.
   */
  buffer(): Uint8Array;
  /** Resolves when all blocks are what was written (H6); else rejects with `storage/corrupt` and the offsets. */
  check(): Promise<void>;
  /** Offset of the latest record with a key, or of the latest one at or before a time (ms). */
  byKey(key: Uint8Array, ms?: number): number | undefined;
  byId(id: bigint): number | undefined;
  /** First offset whose timestamp is not before `ms`. */
  byTime(ms: number): number | undefined;
  /** Offsets of the notary records (schema 1) with a value, ascending. */
  byValue(value: Uint8Array): number[];
  /** Everything that is wrong with it: reads it all, off the event loop, and hashes every leaf again. */
  verify(): Promise<SegmentDamage[]>;
  /** Writes it as Parquet (H4), off the event loop, and resolves to the figures of the cold segment. */
  toParquet(to: SegmentPlace): Promise<Uint8Array>;
  /** Idempotent. */
  close(): void;
}

/** Opens a segment by its figures (H1). Throws `storage/corrupt`, `storage/format`, `storage/io`. */
export function openSegment(place: SegmentPlace & { readonly figures: Uint8Array }): Segment {
  const handle = ask(() => binding.segmentOpen(place.dir, place.name, place.figures));
  return {
    buffer: () => ask(() => binding.segmentBuffer(handle)),
    check: async () => {
      await answer(() => binding.segmentCheck(handle));
    },
    byKey: (key, ms) => ask(() => binding.segmentByKey(handle, key, ms)) ?? undefined,
    byId: (id) => ask(() => binding.segmentById(handle, id)) ?? undefined,
    byTime: (ms) => ask(() => binding.segmentByTime(handle, ms)) ?? undefined,
    byValue: (value) => ask(() => binding.segmentByValue(handle, value)),
    verify: async () => damages(await bytes(() => binding.segmentVerify(handle))),
    toParquet: ({ dir, name }) => bytes(() => binding.segmentToParquet(handle, dir, name)),
    close: () => binding.segmentClose(handle),
  };
}

/**
 * Seals packed rows (batch.md B5) as a hot segment, off the event loop, and resolves to its figures. For tools and tests:
 * a partition seals its own rows, in Rust.
 */
export function sealSegment(
  place: SegmentPlace,
  baseOffset: number,
  rows: Uint8Array,
): Promise<Uint8Array> {
  return bytes(() => binding.segmentSeal(place.dir, place.name, baseOffset, rows));
}

/** Makes the sidecar of a data file again (H9) and resolves to the figures. Rejects with `storage/corrupt` on damage. */
export function rebuildSegment(place: SegmentPlace, kind: 'hot' | 'cold'): Promise<Uint8Array> {
  return bytes(() => binding.segmentRebuild(place.dir, place.name, kind === 'cold'));
}

/** u64 start, u64 end, u32 length and text of each. */
function damages(packed: Uint8Array): SegmentDamage[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const found: SegmentDamage[] = [];
  for (let at = 0; at < packed.length; ) {
    const text = at + 20;
    const end = text + view.getUint32(at + 16, true);
    found.push({
      start: Number(view.getBigUint64(at, true)),
      end: Number(view.getBigUint64(at + 8, true)),
      what: new TextDecoder().decode(packed.subarray(text, end)),
    });
    at = end;
  }
  return found;
}

async function bytes(start: () => Promise<NativeAnswer>): Promise<Uint8Array> {
  return (await answer(start)).bytes ?? new Uint8Array();
}

async function answer(start: () => Promise<NativeAnswer>): Promise<NativeAnswer> {
  const done = await ask(start);
  if (done.code === undefined) return done;
  throw new PyralogError(done.code as SegmentErrorCode, done.message ?? '');
}
