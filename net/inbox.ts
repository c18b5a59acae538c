import type { Frame } from './types.ts';

/** What a frame costs beside its bytes, so that many empty ones fill an inbox too. */
const FRAME_OVERHEAD_BYTES = 64;

/**
 * Frames that arrived on a link and wait for its reader.
 *
 * `onTaken` is told when the reader took one: there may be room again for the peer to go on.
 */
export class Inbox {
  readonly #frames: Frame[] = [];
  readonly #onTaken: () => void;
  #bytes = 0;
  #ended = false;
  #reading = false;
  #wakeReader: () => void = () => {};

  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(frame: Frame): void {
    if (this.#ended) return;
    this.#frames.push(frame);
    this.#bytes += frame.bytes.length + FRAME_OVERHEAD_BYTES;
    this.#wakeReader();
  }

  /** The reader gets what is here and then the end. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  async *read(signal: AbortSignal): AsyncIterable<Frame> {
    if (this.#reading) throw new Error('invariant broken: one reader at a time');
    this.#reading = true;
    const onAbort = () => this.#wakeReader();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const frame = this.#frames.shift();
        if (frame !== undefined) {
          this.#bytes -= frame.bytes.length + FRAME_OVERHEAD_BYTES;
          this.#onTaken();
          yield frame;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } finally {
      this.#reading = false;
      signal.removeEventListener('abort', onAbort);
    }
  }
}
