/**
 * Yamux and libp2p's streams without what they spend for nobody (see thrift.ts): descriptions of frames for a log that
 * is silent, events that nobody listens to, lists of the parts of what lies in one piece.
 */
import { concat } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import type { Bytes } from './pieces.ts';

export interface YamuxHeader {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
  readonly length: number;
}

export interface YamuxFrame {
  readonly header: YamuxHeader;
  readonly data?: Uint8Array;
}

/** What is known of a muxer of yamux 8. */
export interface MuxerInside {
  decoder: { emitFrames(chunk: Bytes): Iterable<YamuxFrame> };
  handleFrame(frame: YamuxFrame): void;
  handleStreamMessage(frame: YamuxFrame): void;
  sendFrame(header: YamuxHeader, data?: Bytes): boolean;
  send(bytes: Uint8Array): boolean;
}

/** Version 0, type, flags u16be, stream u32be, length u32be (yamux). */
const HEADER_BYTES = 12;
const DATA = 0;
const WINDOW_UPDATE = 1;

/** Before it has read or sent anything. `windowBytesMax`: no peer may send more of a stream at once. */
export function leanMuxer(muxer: MuxerInside, windowBytesMax: number): void {
  for (const name of ['handleFrame', 'handleStreamMessage', 'sendFrame', 'send'] as const)
    assert(typeof muxer[name] === 'function', `a muxer of yamux has ${name}`);
  assert(typeof muxer.decoder?.emitFrames === 'function', 'a muxer of yamux cuts frames');
  const handle = muxer.handleFrame.bind(muxer);
  const send = muxer.sendFrame.bind(muxer);
  muxer.decoder = new FrameCutter(muxer.decoder, windowBytesMax);
  muxer.handleFrame = (frame) => {
    const { streamID, type } = frame.header;
    if (streamID !== 0 && type <= WINDOW_UPDATE) muxer.handleStreamMessage(frame);
    else handle(frame);
  };
  muxer.sendFrame = (header, data) =>
    header.type === DATA && data !== undefined
      ? muxer.send(encodeFrame(header, data.subarray()))
      : send(header, data);
}

export function encodeFrame({ type, flag, streamID, length }: YamuxHeader, data: Uint8Array) {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + data.length);
  frame[0] = 0;
  frame[1] = type;
  frame.writeUInt16BE(flag, 2);
  frame.writeUInt32BE(streamID, 4);
  frame.writeUInt32BE(length, 8);
  frame.set(data, HEADER_BYTES);
  return frame;
}

/** Cuts what arrives into frames; holds the beginning of one at most. */
export class FrameCutter {
  readonly #strict: MuxerInside['decoder'];
  readonly #dataBytesMax: number;
  #rest: Uint8Array = new Uint8Array(0);

  /** `strict` throws what the muxer expects where the bytes are no frames. */
  constructor(strict: MuxerInside['decoder'], dataBytesMax: number) {
    this.#strict = strict;
    this.#dataBytesMax = dataBytesMax;
  }

  *emitFrames(chunk: Bytes): Generator<YamuxFrame> {
    const arrived = chunk.subarray();
    const bytes = this.#rest.length === 0 ? arrived : concat(this.#rest, arrived);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      if (bytes[at] !== 0) yield* this.#strict.emitFrames(bytes.subarray(at));
      const header = {
        type: view.getUint8(at + 1),
        flag: view.getUint16(at + 2),
        streamID: view.getUint32(at + 4),
        length: view.getUint32(at + 8),
      };
      // Above every window: never to be taken, so not to be waited for.
      if (header.type === DATA && header.length > this.#dataBytesMax)
        throw new Error(`a frame of ${header.length} bytes is above the window`);
      const from = at + HEADER_BYTES;
      const end = header.type === DATA ? from + header.length : from;
      if (end > bytes.length) break;
      at = end;
      yield header.type === DATA ? { header, data: bytes.subarray(from, end) } : { header };
    }
    this.#rest = bytes.subarray(at);
  }
}

interface EmitterInside {
  listenerCount(type: string): number;
  safeDispatchEvent(type: string, detail?: unknown): boolean;
}

/** Makes no event that nobody listens to: three a write otherwise, to say that nothing waits. */
export function withoutUnheard<T extends object>(stream: T): T {
  const inside = stream as unknown as EmitterInside;
  assert(typeof inside.safeDispatchEvent === 'function', 'a stream tells in safeDispatchEvent');
  assert(typeof inside.listenerCount === 'function', 'a stream counts its listeners');
  const dispatch = inside.safeDispatchEvent.bind(stream);
  inside.safeDispatchEvent = (type, detail) =>
    inside.listenerCount(type) === 0 || dispatch(type, detail);
  return stream;
}
