import { PyralogError } from '../base/errors.ts';
import type { Frame, NetErrorCode, Priority } from './types.ts';

interface Waiter {
  readonly frame: Frame;
  readonly admitted: () => void;
  readonly refused: (error: unknown) => void;
}

interface Lane {
  readonly frames: Frame[];
  readonly waiters: Waiter[];
  bytes: number;
}

/**
 * The bounded queue in front of a link: three first-in-first-out lanes, drained by priority.
 *
 * The bound is in bytes and holds per lane: if bulk data could fill the queue, a vote would have to wait for it, which
 * is what priorities are there to prevent. A lane below its bound takes one frame of any size, so that none is too big
 * to ever fit.
 */
export class FrameQueue {
  readonly #lanes: Readonly<Record<Priority, Lane>> = {
    urgent: { frames: [], waiters: [], bytes: 0 },
    normal: { frames: [], waiters: [], bytes: 0 },
    bulk: { frames: [], waiters: [], bytes: 0 },
  };
  readonly #laneBytesMax: number;
  #closed = false;

  constructor(laneBytesMax: number) {
    this.#laneBytesMax = laneBytesMax;
  }

  /** Resolves when the frame has a place; waiting callers get theirs in the order they came. */
  push(frame: Frame, priority: Priority): Promise<void> {
    if (this.#closed) return Promise.reject(linkClosed());
    const lane = this.#lanes[priority];
    return new Promise((admitted, refused) => {
      lane.waiters.push({ frame, admitted, refused });
      this.#admit(lane);
    });
  }

  /** The next frame by priority, or undefined when all lanes are empty. */
  shift(): Frame | undefined {
    for (const lane of [this.#lanes.urgent, this.#lanes.normal, this.#lanes.bulk]) {
      const frame = lane.frames.shift();
      if (frame === undefined) continue;
      lane.bytes -= frame.bytes.length;
      this.#admit(lane);
      return frame;
    }
    return undefined;
  }

  /** Drops what is queued and refuses what is waiting. */
  close(): void {
    this.#closed = true;
    for (const lane of Object.values(this.#lanes)) {
      lane.frames.length = 0;
      lane.bytes = 0;
      for (const waiter of lane.waiters.splice(0)) waiter.refused(linkClosed());
    }
  }

  #admit(lane: Lane): void {
    while (lane.bytes < this.#laneBytesMax) {
      const waiter = lane.waiters.shift();
      if (waiter === undefined) return;
      lane.frames.push(waiter.frame);
      lane.bytes += waiter.frame.bytes.length;
      waiter.admitted();
    }
  }
}

export function linkClosed(): PyralogError<NetErrorCode> {
  return new PyralogError('net/closed', 'the link is closed; connect again');
}
