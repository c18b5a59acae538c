import { concat, copyBytes } from '../base/bytes.ts';
import type { Part } from './frame-queue.ts';
import { CHANNELS, type Channel, type Fault, FRAME_BYTES_MAX, type Priority } from './types.ts';

/** The link's own channel: hello, ping, goodbye (G3). */
export const CONTROL = 0;

/** A frame travels in parts of at most this many bytes: what an urgent frame waits for, and what a stranger can make us hold. */
export const PART_BYTES_MAX = 64 * 1024;

/** u32 length of the payload, u8 tag. */
const HEADER_BYTES = 5;

/** A control frame is one part, and small. */
const CONTROL_BYTES_MAX = 1_024;

const LANES = ['urgent', 'normal', 'bulk'] as const satisfies readonly Priority[];
const LANE_OF: Readonly<Record<Priority, number>> = { urgent: 0, normal: 1, bulk: 2 };

const CHANNEL_NAMES: readonly (Channel | undefined)[] = namesByNumber();

/** The name of a channel on the wire; undefined for numbers that nobody uses. */
export function channelName(number: number): Channel | undefined {
  return CHANNEL_NAMES[number];
}

/** Writes parts one behind the other, for one write to the socket. */
export function encodeParts(parts: readonly Part[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += HEADER_BYTES + part.bytes.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    const length = part.bytes.length;
    out[at] = length;
    out[at + 1] = length >>> 8;
    out[at + 2] = length >>> 16;
    out[at + 3] = length >>> 24;
    out[at + 4] = part.channel | (LANE_OF[part.priority] << 5) | (part.more ? 0x80 : 0);
    out.set(part.bytes, at + HEADER_BYTES);
    at += HEADER_BYTES + length;
  }
  return out;
}

interface Assembly {
  channel: number;
  bytes: number;
  readonly parts: Uint8Array[];
}

/**
 * Reads frames out of a peer's bytes (G3).
 *
 * It never throws and holds little: at most one part of unread bytes, and one unfinished frame per lane. After a fault
 * the stream has no meaning any more; the link is closed and what follows is ignored.
 */
export class FrameDecoder {
  readonly #onFrame: (channel: number, bytes: Uint8Array) => void;
  readonly #lanes: readonly Assembly[] = LANES.map(() => ({ channel: -1, bytes: 0, parts: [] }));
  #rest: Uint8Array = new Uint8Array(0);
  #fault: Fault | undefined;

  constructor(onFrame: (channel: number, bytes: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes what arrived; the fault of the peer, if these bytes (or earlier ones) are no frames. */
  push(chunk: Uint8Array): Fault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const bytes = this.#rest.length === 0 ? chunk : concat(this.#rest, chunk);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = u32(bytes, at);
      const tag = bytes[at + 4] ?? 0;
      this.#fault = this.#check(length, tag);
      if (this.#fault !== undefined) return this.#fault;
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      this.#take(tag, bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.#rest = copyBytes(bytes, at);
    return undefined;
  }

  #check(length: number, tag: number): Fault | undefined {
    const channel = tag & 31;
    const lane = this.#lanes[(tag >>> 5) & 3];
    const more = tag >= 0x80;
    if (lane === undefined) return 'malformed';
    if (channel === CONTROL) {
      if (more || lane !== this.#lanes[0] || lane.channel >= 0) return 'malformed';
      return length > CONTROL_BYTES_MAX ? 'oversized' : undefined;
    }
    if (channelName(channel) === undefined) return 'malformed';
    if (lane.channel >= 0 && lane.channel !== channel) return 'malformed';
    if (more && length === 0) return 'malformed';
    return length > PART_BYTES_MAX || lane.bytes + length > FRAME_BYTES_MAX
      ? 'oversized'
      : undefined;
  }

  #take(tag: number, payload: Uint8Array): void {
    const channel = tag & 31;
    const lane = this.#lanes[(tag >>> 5) & 3];
    if (lane === undefined) return;
    const more = tag >= 0x80;
    if (!more && lane.channel < 0) {
      this.#onFrame(channel, copyBytes(payload));
      return;
    }
    lane.channel = channel;
    lane.bytes += payload.length;
    lane.parts.push(copyBytes(payload));
    if (more) return;
    const whole = concat(...lane.parts);
    lane.channel = -1;
    lane.bytes = 0;
    lane.parts.length = 0;
    this.#onFrame(channel, whole);
  }
}

function u32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

function namesByNumber(): (Channel | undefined)[] {
  const names: (Channel | undefined)[] = [];
  for (const name of Object.keys(CHANNELS) as Channel[]) names[CHANNELS[name]] = name;
  return names;
}
