import { PyralogError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import {
  type IdRun,
  type IdSequencer,
  RESERVED_IDS_MAX,
  SCARAB_START_MS,
  scarabId,
} from './ids.ts';
import { outOfRange } from './malformed.ts';

/** Ids of one millisecond (scarab.md S1). */
const IDS_PER_MS = 8_192;

export interface MemoryIdSequencerOptions {
  /** Default 0. */
  readonly coordinator?: number;
  /** Largest lead of logical time over the wall clock (scarab.md S4); default two hours. */
  readonly leadMsMax?: number;
}

/** An {@link IdSequencer} that also gives records their ids. */
export interface MemoryIdSequencer extends IdSequencer {
  /** As {@link IdSequencer.reserve}, at once and of any count: for records, which all get one. */
  take(count: number): readonly IdRun[];
}

/** A sequence in memory (scarab.md S1, S4, S5), for tests and demonstrations: a new process begins anew. */
export function createMemoryIdSequencer(
  clock: Pick<Clock, 'wall'>,
  { coordinator = 0, leadMsMax = 7_200_000 }: MemoryIdSequencerOptions = {},
): MemoryIdSequencer {
  let next = { unixMs: 0, sequence: 0 };

  function take(count: number): IdRun[] {
    const wall = Math.max(SCARAB_START_MS, Math.floor(clock.wall())); // simulations begin at 0
    let { unixMs, sequence } = wall > next.unixMs ? { unixMs: wall, sequence: 0 } : next;
    const lead = unixMs + Math.floor((sequence + count - 1) / IDS_PER_MS) - wall;
    if (lead > leadMsMax) {
      const detail = `ids are ${lead} ms ahead of the clock (at most ${leadMsMax} are allowed): the clock was set back, or too many ids were issued; check the clock, or wait`;
      throw new PyralogError('log/clock-behind', detail);
    }
    const runs: IdRun[] = [];
    for (let left = count; left > 0; ) {
      if (sequence === IDS_PER_MS) {
        unixMs++;
        sequence = 0;
      }
      const now = Math.min(left, IDS_PER_MS - sequence);
      runs.push({ first: scarabId({ unixMs, coordinator, sequence }), count: now });
      sequence += now;
      left -= now;
    }
    next = { unixMs, sequence };
    return runs;
  }

  return {
    coordinator,
    take,
    async reserve(count, { signal } = {}) {
      signal?.throwIfAborted();
      if (!Number.isSafeInteger(count) || count < 1 || count > RESERVED_IDS_MAX)
        throw outOfRange(
          `${count} ids cannot be reserved in one call: ask for 1 to ${RESERVED_IDS_MAX}`,
        );
      return take(count);
    },
  };
}
