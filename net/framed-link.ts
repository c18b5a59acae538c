import { PyralogError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import { type Control, decodeControl, encodeControl, type GoodbyeReason } from './control.ts';
import type { NetCounters } from './counters.ts';
import { DelayLine } from './delay-line.ts';
import type { FaultSwitch } from './faults.ts';
import { CONTROL, channelName, encodeParts, FrameDecoder, PART_BYTES_MAX } from './frame-codec.ts';
import { FrameQueue, linkClosed, type Part } from './frame-queue.ts';
import { faultOfHello, type Hello } from './hello.ts';
import { Inbox } from './inbox.ts';
import type { NetworkLimits } from './options.ts';
import {
  CHANNELS,
  type Channel,
  type Fault,
  FRAME_BYTES_MAX,
  type Frame,
  type Link,
  type NetErrorCode,
  type PeerId,
  type Priority,
} from './types.ts';

/** The reliable byte stream under a link. */
export interface Wire {
  /** Takes bytes; false asks to wait for {@link FramedLink.drained} before the next. */
  send(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Ends the stream after what was sent. */
  close(): void;
}

export interface FramedLinkDeps {
  readonly clock: Clock;
  readonly faults: FaultSwitch;
  readonly counters: NetCounters;
  readonly wire: Wire;
  /** Both sides said hello and welcomed each other. */
  readonly onOpen: (link: FramedLink, hello: Hello) => void;
  readonly onFault: (fault: Fault) => void;
  /** Once. The reason is the one that was told or heard, when there was one. */
  readonly onClosed: (link: FramedLink, reason: GoodbyeReason | undefined) => void;
}

/**
 * Nobody waits for a status: it leaves with the next frame that somebody waits for, such as the votes of the next height,
 * or after so long. By itself it would be a third of what validators write to each other.
 */
const STATUS_WAIT_MS = 20;

export interface FramedLinkOptions {
  readonly peer: PeerId;
  readonly hello: Hello;
  readonly limits: NetworkLimits;
}

/**
 * A link over a byte stream: hello first, then frames by priority, pings in between (G3–G8).
 *
 * What is queued within one turn of the event loop leaves in one write. With 128 frames on their way a round trip of a
 * small one costs 6 µs of CPU a side; written at the next microtask it costs 35 µs, since readers answer one by one.
 */
export class FramedLink implements Link {
  readonly peer: PeerId;
  rttMs: number | undefined;
  readonly #deps: FramedLinkDeps;
  readonly #options: FramedLinkOptions;
  readonly #queue: FrameQueue;
  readonly #inbox: Inbox;
  readonly #decoder: FrameDecoder;
  readonly #outLine: DelayLine;
  readonly #inLine: DelayLine;
  #state: 'greeting' | 'welcoming' | 'open' | 'closed' = 'greeting';
  #theirs: Hello | undefined;
  #wireFull = false;
  #paused = false;
  #flushing = false;
  #cancelLater: (() => void) | undefined;
  #heardAt: number;
  #ping = { token: 0, sentAt: 0 };
  #heardReason: GoodbyeReason | undefined;
  #cancelTick: () => void = () => {};

  constructor(deps: FramedLinkDeps, options: FramedLinkOptions) {
    this.peer = options.peer;
    this.#deps = deps;
    this.#options = options;
    this.#queue = new FrameQueue(options.limits.laneBytesMax);
    this.#inbox = new Inbox(() => this.#resumeWhenRoom());
    this.#decoder = new FrameDecoder((channel, bytes) => this.#take(channel, bytes));
    this.#outLine = new DelayLine(deps.clock);
    this.#inLine = new DelayLine(deps.clock);
    this.#heardAt = deps.clock.monotonic();
    this.#control({ kind: 'hello', hello: options.hello });
    this.#nextTick(options.limits.answerMsMax);
  }

  get queueBytes(): number {
    return this.#queue.bytes + this.#outLine.heldBytes;
  }

  async send(channel: Channel, bytes: Uint8Array, priority: Priority): Promise<void> {
    if (bytes.length > FRAME_BYTES_MAX) throw tooBig(bytes.length);
    if (this.#state === 'closed') throw linkClosed();
    // A copy: the caller may reuse its buffer (and slice() of a Buffer would share it).
    const copy = new Uint8Array(bytes);
    const fate = this.#deps.faults.fate(this.peer, 'out');
    if (fate === 0 && this.#outLine.heldBytes === 0) {
      const placed = this.#queue.push(CHANNELS[channel], copy, priority);
      if (channel === 'status') this.#flushLater();
      else this.#flushSoon();
      return placed;
    }
    this.#outLine.put(fate, copy.length + 1, () => {
      // A link that closes meanwhile loses what is queued; that is what close() says.
      this.#queue.push(CHANNELS[channel], copy, priority).catch(() => {});
      this.#flushSoon();
    });
  }

  receive(signal: AbortSignal): AsyncIterable<Frame> {
    return this.#inbox.read(signal);
  }

  async close(): Promise<void> {
    this.end('closing');
  }

  /** Closes the link and, with a reason, tells the peer why. */
  end(reason: GoodbyeReason | undefined): void {
    if (this.#state === 'closed') return;
    if (reason !== undefined && !this.#deps.faults.blocks(this.peer, 'out')) {
      const bytes = encodeControl({ kind: 'goodbye', reason });
      this.#write([{ channel: CONTROL, priority: 'urgent', bytes, more: false }]);
    }
    this.#state = 'closed';
    this.#cancelTick();
    this.#cancelLater?.();
    this.#outLine.close();
    this.#inLine.close();
    this.#queue.close();
    this.#inbox.end();
    this.#deps.wire.close();
    this.#deps.onClosed(this, reason ?? this.#heardReason);
  }

  /** The wire delivers. */
  take(chunk: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#deps.counters.receivedBytes += chunk.length;
    const fault = this.#decoder.push(chunk);
    if (fault !== undefined) this.#blame(fault);
    else this.#pauseWhenFull();
  }

  /** The wire can take more. */
  drained(): void {
    this.#wireFull = false;
    this.#flush();
  }

  /** The wire is gone. */
  wireClosed(): void {
    this.end(undefined);
  }

  /** Asks whether the peer is still there; without an answer the link closes. */
  probe(): void {
    this.#cancelTick();
    this.#tick();
  }

  #take(channel: number, bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    if (this.#deps.faults.blocks(this.peer, 'in')) return;
    this.#heardAt = this.#deps.clock.monotonic();
    if (channel === CONTROL) {
      this.#takeControl(decodeControl(bytes));
      return;
    }
    const name = channelName(channel);
    if (name === undefined || this.#state !== 'open') {
      this.#blame('malformed');
      return;
    }
    this.#deps.counters.framesReceived++;
    const fate = this.#deps.faults.fate(this.peer, 'in');
    this.#inLine.put(fate, bytes.length, () => this.#inbox.put({ channel: name, bytes }));
  }

  #takeControl(control: Control | undefined): void {
    if (control === undefined) {
      this.#blame('malformed');
      return;
    }
    switch (control.kind) {
      case 'hello':
        this.#greet(control.hello);
        return;
      case 'welcome':
        this.#hearWelcome();
        return;
      case 'ping':
        if (this.#queue.isFull('urgent')) this.#blame('flood');
        else this.#control({ kind: 'pong', token: control.token });
        return;
      case 'pong':
        if (control.token !== this.#ping.token) return;
        this.rttMs = this.#heardAt - this.#ping.sentAt;
        return;
      case 'goodbye':
        this.#hearGoodbye(control.reason);
    }
  }

  #greet(hello: Hello): void {
    const fault =
      this.#state === 'greeting' ? faultOfHello(this.#options.hello, hello) : 'malformed';
    if (fault !== undefined) {
      this.#blame(fault);
      return;
    }
    this.#theirs = hello;
    this.#state = 'welcoming';
    this.#control({ kind: 'welcome' });
  }

  /** The peer accepts us as we accepted it. */
  #hearWelcome(): void {
    if (this.#state !== 'welcoming' || this.#theirs === undefined) {
      this.#blame('malformed');
      return;
    }
    this.#state = 'open';
    this.#cancelTick();
    this.#deps.onOpen(this, this.#theirs);
    if (!this.#closed()) this.#tick();
  }

  #hearGoodbye(reason: GoodbyeReason): void {
    if (this.#state === 'closed') return;
    this.#heardReason = reason;
    this.end(undefined);
  }

  #blame(fault: Fault): void {
    if (this.#state === 'closed') return;
    this.#deps.onFault(fault);
    this.end(fault);
  }

  #closed(): boolean {
    return this.#state === 'closed';
  }

  #control(control: Control): void {
    const blocked = this.#deps.faults.blocks(this.peer, 'out');
    if (blocked || this.#queue.isFull('urgent')) return;
    this.#queue.push(CONTROL, encodeControl(control), 'urgent').catch(() => {});
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing || this.#wireFull) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flushLater(): void {
    if (this.#flushing || this.#cancelLater !== undefined) return;
    const at = this.#deps.clock.monotonic() + STATUS_WAIT_MS;
    this.#cancelLater = this.#deps.clock.schedule(at, () => {
      this.#cancelLater = undefined;
      this.#flushSoon();
    });
  }

  #flush(): void {
    this.#cancelLater?.();
    this.#cancelLater = undefined;
    while (!this.#wireFull && this.#state !== 'closed') {
      const parts: Part[] = [];
      for (let bytes = 0; bytes < PART_BYTES_MAX; ) {
        const part = this.#queue.shift(PART_BYTES_MAX);
        if (part === undefined) break;
        parts.push(part);
        bytes += part.bytes.length;
      }
      if (parts.length === 0) return;
      this.#write(parts);
    }
  }

  #write(parts: readonly Part[]): void {
    const bytes = encodeParts(parts);
    this.#deps.counters.sentBytes += bytes.length;
    for (const part of parts) {
      if (part.channel !== CONTROL && !part.more) this.#deps.counters.framesSent++;
    }
    this.#wireFull = !this.#deps.wire.send(bytes);
  }

  #pauseWhenFull(): void {
    if (this.#paused || this.#waitingBytes() < this.#options.limits.inboxBytesMax) return;
    this.#paused = true;
    this.#deps.wire.pause();
  }

  #resumeWhenRoom(): void {
    if (!this.#paused || this.#state === 'closed') return;
    if (this.#waitingBytes() > this.#options.limits.inboxBytesMax / 2) return;
    this.#paused = false;
    this.#heardAt = this.#deps.clock.monotonic();
    this.#deps.wire.resume();
  }

  #waitingBytes(): number {
    return this.#inbox.bytes + this.#inLine.heldBytes;
  }

  #nextTick(ms: number): void {
    const at = this.#deps.clock.monotonic() + ms;
    this.#cancelTick = this.#deps.clock.schedule(at, () => this.#tick(at));
  }

  /** Pings, and finds out who has been silent for too long (G7). */
  #tick(due?: number): void {
    const { answerMsMax, pingIdleMs } = this.#options.limits;
    const now = this.#deps.clock.monotonic();
    // This process itself stood still, or it is we who do not read: the silence is ours.
    const ours = this.#paused || (due !== undefined && now - due > answerMsMax);
    if (ours) this.#heardAt = now;
    const silentMs = now - this.#heardAt;
    if (this.#state !== 'open' ? !ours : silentMs > pingIdleMs + answerMsMax) {
      this.#blame('unresponsive');
      return;
    }
    if (this.#state === 'open') {
      this.#ping = { token: (this.#ping.token + 1) >>> 0, sentAt: now };
      this.#control({ kind: 'ping', token: this.#ping.token });
    }
    this.#nextTick(pingIdleMs);
  }
}

function tooBig(bytes: number): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>(
    'net/too-big',
    `a frame of ${bytes} bytes is above ${FRAME_BYTES_MAX}; split it`,
    { data: { bytes } },
  );
}
