import type { Core, IdRun } from '../native/index.ts';

export type { IdRun } from '../native/index.ts';

/** Most ids of one call: 128 ms of a coordinator's time (scarab.md S8). */
export const RESERVED_IDS_MAX = 2 ** 20;

/** 2026-01-01T00:00:00Z, where the time of ids begins (scarab.md S1). */
export const SCARAB_START_MS = 1_767_225_600_000;
const COORDINATOR_SHIFT = 13n;
const MS_SHIFT = 23n;

/** What an id says (scarab.md S1). */
export interface ScarabParts {
  /** When it was issued by its coordinator's logical clock, Unix milliseconds. */
  readonly unixMs: number;
  /** Who issued it, 0 to 1,023. */
  readonly coordinator: number;
  /** Its number within the millisecond, 0 to 8,191. */
  readonly sequence: number;
}

/** One coordinator's sequence of Scarab ids: of the records of a node, and of whatever its callers name. */
export interface IdSequencer {
  /** The number in all its ids, unique in a cluster (scarab.md S7). */
  readonly coordinator: number;
  /**
   * Takes `count` ids (1 to {@link RESERVED_IDS_MAX}) out of the sequence, ascending and above all that were taken before.
   * Nobody gets them again: no record, no other caller, and no later life, whatever was killed (scarab.md S8). What is not
   * used is gone.
   *
   * Rejects with `log/clock-behind` or `storage/disk-full`, both of which can be tried again later, with `log/out-of-range`
   * for another count, with what appends are refused with, or with the signal's reason.
   */
  reserve(count: number, options?: { readonly signal?: AbortSignal }): Promise<readonly IdRun[]>;
}

/** The sequencer of a native core, which was opened with this `coordinator`. The core stays the caller's. */
export function openNativeIdSequencer(core: Core, coordinator: number): IdSequencer {
  return {
    coordinator,
    async reserve(count, { signal } = {}) {
      signal?.throwIfAborted();
      const runs = await core.reserveIds(count);
      signal?.throwIfAborted();
      return runs;
    },
  };
}

/** The ids themselves, in order. */
export function idsOf(runs: readonly IdRun[]): BigUint64Array {
  const ids = new BigUint64Array(runs.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { first, count } of runs) {
    let id = first;
    for (const end = at + count; at < end; at++) {
      ids[at] = id;
      id = BigInt.asUintN(64, id + 1n); // compiled to arithmetic on words, without an object for each id
    }
  }
  return ids;
}

/** The parts of an id; every number of 64 bits is one. */
export function scarabParts(id: bigint): ScarabParts {
  return {
    unixMs: Number(id >> MS_SHIFT) + SCARAB_START_MS,
    coordinator: Number((id >> COORDINATOR_SHIFT) & 0x3ffn),
    sequence: Number(id & 0x1fffn),
  };
}

/** The id of these parts. */
export function scarabId({ unixMs, coordinator, sequence }: ScarabParts): bigint {
  const ms = BigInt(unixMs - SCARAB_START_MS);
  return (ms << MS_SHIFT) | (BigInt(coordinator) << COORDINATOR_SHIFT) | BigInt(sequence);
}
