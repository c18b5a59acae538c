import { PyralogError } from '../../base/errors.ts';
import type { NetCounters } from '../counters.ts';
import { channelName } from '../frame-codec.ts';
import { FrameQueue, type Part } from '../frame-queue.ts';
import { Inbox } from '../inbox.ts';
import type { NetworkLimits } from '../options.ts';
import {
  CHANNELS,
  type Channel,
  FRAME_BYTES_MAX,
  type Frame,
  type Link,
  type NetErrorCode,
  type PeerId,
  type Priority,
} from '../types.ts';
import type { Course, Medium, Station } from './medium.ts';

/** Bytes on their way to the other end, as a socket's window would hold. */
const WINDOW_BYTES = 256 * 1024;

/** What a frame costs the window beside its bytes. */
const FRAME_OVERHEAD_BYTES = 64;

export interface MemoryLinkDeps {
  readonly medium: Medium;
  readonly from: Station;
  readonly to: Station;
  readonly counters: NetCounters;
  readonly onEnd: (link: MemoryLink) => void;
}

/** One end of a link: what it sends waits in a queue, travels through the medium, and lands in the other end's inbox. */
export class MemoryLink implements Link {
  readonly peer: PeerId;
  readonly rttMs: number | undefined = undefined;
  /** When something began to block this link, by the clock. */
  blockedSince: number | undefined;
  readonly #deps: MemoryLinkDeps;
  readonly #limits: NetworkLimits;
  readonly #queue: FrameQueue;
  readonly #inbox = new Inbox(() => this.#other?.pump());
  readonly #course: Course = { lastAt: 0 };
  #other: MemoryLink | undefined;
  #travellingBytes = 0;
  #ended = false;

  constructor(deps: MemoryLinkDeps, limits: NetworkLimits) {
    this.peer = deps.to.self;
    this.#deps = deps;
    this.#limits = limits;
    this.#queue = new FrameQueue(limits.laneBytesMax);
  }

  get queueBytes(): number {
    return this.#queue.bytes;
  }

  get other(): MemoryLink | undefined {
    return this.#other;
  }

  join(other: MemoryLink): void {
    this.#other = other;
  }

  async send(channel: Channel, bytes: Uint8Array, priority: Priority): Promise<void> {
    if (bytes.length > FRAME_BYTES_MAX) {
      throw new PyralogError<NetErrorCode>(
        'net/too-big',
        `a frame of ${bytes.length} bytes is above ${FRAME_BYTES_MAX}; split it`,
        { data: { bytes: bytes.length } },
      );
    }
    // A copy, as a socket would make: the caller may reuse its buffer (and slice() of a Buffer would share it).
    const placed = this.#queue.push(CHANNELS[channel], Uint8Array.from(bytes), priority);
    this.pump();
    return placed;
  }

  receive(signal: AbortSignal): AsyncIterable<Frame> {
    return this.#inbox.read(signal);
  }

  async close(): Promise<void> {
    this.end();
  }

  /** Ends both ends, now. */
  end(): void {
    this.endHere();
    this.#other?.endHere();
  }

  /** Ends this end only: the other one does not know yet. */
  endHere(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.close();
    this.#inbox.end();
    this.#deps.onEnd(this);
  }

  /** Sets frames on their way until the window or the other end's inbox is full. */
  pump(): void {
    while (!this.#ended && this.#travellingBytes < WINDOW_BYTES) {
      const other = this.#other;
      const taken = (other?.inboxBytes ?? 0) + this.#travellingBytes;
      if (other === undefined || taken >= this.#limits.inboxBytesMax) return;
      const part = this.#queue.shift();
      if (part === undefined) return;
      this.#travel(part, other);
    }
  }

  get inboxBytes(): number {
    return this.#inbox.bytes;
  }

  #travel(part: Part, other: MemoryLink): void {
    const { medium, from, to, counters } = this.#deps;
    const channel = channelName(part.channel);
    if (channel === undefined) return;
    const cost = part.bytes.length + FRAME_OVERHEAD_BYTES;
    let travelling = true;
    counters.framesSent++;
    counters.sentBytes += part.bytes.length;
    this.#travellingBytes += cost;
    const arrive = () => {
      if (travelling) this.#travellingBytes -= cost;
      travelling = false;
      other.#land({ channel, bytes: part.bytes });
      this.pump();
    };
    if (!medium.carry(from, to, arrive, this.#course)) this.#travellingBytes -= cost;
  }

  #land(frame: Frame): void {
    if (this.#ended) return;
    this.#deps.counters.framesReceived++;
    this.#deps.counters.receivedBytes += frame.bytes.length;
    this.#inbox.put(frame);
  }
}
