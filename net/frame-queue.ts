import { PyralogError } from '../base/errors.ts';
import type { NetErrorCode, Priority } from './types.ts';

/** A frame, or a piece of one, on its way out. */
export interface Part {
  /** Number on the wire. */
  readonly channel: number;
  readonly priority: Priority;
  readonly bytes: Uint8Array;
  /** Whether more of the same frame follows in the same lane. */
  readonly more: boolean;
}

interface Queued {
  readonly channel: number;
  readonly bytes: Uint8Array;
}

interface Waiter {
  readonly frame: Queued;
  readonly admitted: () => void;
  readonly refused: (error: unknown) => void;
}

interface Lane {
  readonly priority: Priority;
  readonly frames: Queued[];
  readonly waiters: Waiter[];
  /** Of the first frame: already taken. */
  taken: number;
  bytes: number;
}

const emptyLane = (priority: Priority): Lane => ({
  priority,
  frames: [],
  waiters: [],
  taken: 0,
  bytes: 0,
});

/**
 * The bounded queue in front of a link: three first-in-first-out lanes, drained by priority (G3).
 *
 * The bound is in bytes and holds per lane: if bulk data could fill the queue, a vote would have to wait for it, which
 * is what priorities are there to prevent. A lane below its bound takes one frame of any size, so that none is too big
 * to ever fit. A frame leaves in parts, so that an urgent one waits for a part of a bulk frame, never for all of it.
 */
export class FrameQueue {
  readonly #lanes: Readonly<Record<Priority, Lane>> = {
    urgent: emptyLane('urgent'),
    normal: emptyLane('normal'),
    bulk: emptyLane('bulk'),
  };
  readonly #byPriority = [this.#lanes.urgent, this.#lanes.normal, this.#lanes.bulk];
  readonly #laneBytesMax: number;
  #closed = false;

  constructor(laneBytesMax: number) {
    this.#laneBytesMax = laneBytesMax;
  }

  /** What is queued, without what is waiting for a place. */
  get bytes(): number {
    return this.#byPriority.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  isFull(priority: Priority): boolean {
    return this.#lanes[priority].bytes >= this.#laneBytesMax;
  }

  /** Resolves when the frame has a place; waiting callers get theirs in the order they came. */
  push(channel: number, bytes: Uint8Array, priority: Priority): Promise<void> {
    if (this.#closed) return Promise.reject(linkClosed());
    const lane = this.#lanes[priority];
    const frame = { channel, bytes };
    if (lane.waiters.length === 0 && lane.bytes < this.#laneBytesMax) {
      place(lane, frame);
      return Promise.resolve();
    }
    return new Promise((admitted, refused) => {
      lane.waiters.push({ frame, admitted, refused });
    });
  }

  /** The next part by priority, or undefined when all lanes are empty. */
  shift(partBytesMax = Number.POSITIVE_INFINITY): Part | undefined {
    for (const lane of this.#byPriority) {
      const frame = lane.frames[0];
      if (frame === undefined) continue;
      const from = lane.taken;
      const to = Math.min(frame.bytes.length, from + partBytesMax);
      const more = to < frame.bytes.length;
      lane.bytes -= to - from;
      lane.taken = more ? to : 0;
      if (!more) lane.frames.shift();
      this.#admit(lane);
      const bytes = from === 0 && !more ? frame.bytes : frame.bytes.subarray(from, to);
      return { channel: frame.channel, priority: lane.priority, bytes, more };
    }
    return undefined;
  }

  /** Drops what is queued and refuses what is waiting. */
  close(): void {
    this.#closed = true;
    for (const lane of this.#byPriority) {
      lane.frames.length = 0;
      lane.bytes = 0;
      lane.taken = 0;
      for (const waiter of lane.waiters.splice(0)) waiter.refused(linkClosed());
    }
  }

  #admit(lane: Lane): void {
    while (lane.bytes < this.#laneBytesMax) {
      const waiter = lane.waiters.shift();
      if (waiter === undefined) return;
      place(lane, waiter.frame);
      waiter.admitted();
    }
  }
}

function place(lane: Lane, frame: Queued): void {
  lane.frames.push(frame);
  lane.bytes += frame.bytes.length;
}

export function linkClosed(): PyralogError<NetErrorCode> {
  return new PyralogError('net/closed', 'the link is closed; connect again');
}
