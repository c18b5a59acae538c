import { PyralogError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import { FrameQueue, linkClosed } from './frame-queue.ts';
import {
  FRAME_BYTES_MAX,
  type Frame,
  type Link,
  type NetErrorCode,
  type PeerId,
  type Priority,
  type Transport,
} from './types.ts';

export interface MemoryNetworkDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); seeded, so that a run can be repeated. */
  readonly random: () => number;
}

export interface MemoryNetworkOptions {
  /** Each frame takes 0 to this many milliseconds, drawn anew. */
  readonly delayMsMax: number;
  /** Bytes waiting in one priority of one direction of a link before `send` waits. */
  readonly laneBytesMax: number;
  /** Frames that arrived and were not taken by the reader before the sender stops. */
  readonly inboxFramesMax: number;
}

/** Transports of one process that reach each other by name. */
export interface MemoryNetwork {
  /** The transport of a peer that joins now. Names are unique. */
  join(peer: PeerId): Transport;
  /** A fault: closes the links between two peers and refuses new ones until {@link heal}. */
  cut(a: PeerId, b: PeerId): void;
  heal(a: PeerId, b: PeerId): void;
}

export function createMemoryNetwork(
  deps: MemoryNetworkDeps,
  options: MemoryNetworkOptions,
): MemoryNetwork {
  const peers = new Map<PeerId, MemoryTransport>();
  const cuts = new Set<string>();
  const pair = (a: PeerId, b: PeerId) => [a, b].sort().join('\n');
  const reach = (from: PeerId, to: PeerId) =>
    cuts.has(pair(from, to)) ? undefined : peers.get(to);
  return {
    join(peer) {
      if (peers.has(peer)) throw new Error(`invariant broken: ${peer} joined twice`);
      const transport = new MemoryTransport(
        peer,
        { ...deps, reach, leave: () => peers.delete(peer) },
        options,
      );
      peers.set(peer, transport);
      return transport;
    },
    cut(a, b) {
      cuts.add(pair(a, b));
      peers.get(a)?.drop(b);
    },
    heal(a, b) {
      cuts.delete(pair(a, b));
    },
  };
}

interface TransportDeps extends MemoryNetworkDeps {
  readonly reach: (from: PeerId, to: PeerId) => MemoryTransport | undefined;
  readonly leave: () => void;
}

class MemoryTransport implements Transport {
  readonly self: PeerId;
  readonly #deps: TransportDeps;
  readonly #options: MemoryNetworkOptions;
  readonly #links = new Set<MemoryLink>();
  #handler: ((link: Link) => void) | undefined;
  #closed = false;

  constructor(self: PeerId, deps: TransportDeps, options: MemoryNetworkOptions) {
    this.self = self;
    this.#deps = deps;
    this.#options = options;
  }

  async connect(peer: PeerId, signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    if (this.#closed) throw linkClosed();
    const other = this.#deps.reach(this.self, peer);
    if (other === undefined || other.#handler === undefined || other === this) {
      throw new PyralogError<NetErrorCode>('net/unreachable', `${peer} does not answer`, {
        data: { peer },
      });
    }
    const here = this.#open(peer);
    const there = other.#open(this.self);
    here.join(there);
    there.join(here);
    other.#handler(there);
    return here;
  }

  onLink(handler: (link: Link) => void): void {
    this.#handler = handler;
  }

  drop(peer: PeerId): void {
    for (const link of [...this.#links]) if (link.peer === peer) link.end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#handler = undefined;
    this.#deps.leave();
    for (const link of [...this.#links]) link.end();
  }

  #open(peer: PeerId): MemoryLink {
    const link = new MemoryLink(peer, this.#deps, this.#options);
    this.#links.add(link);
    link.onEnd = () => this.#links.delete(link);
    return link;
  }
}

/** One end of a link: what it sends waits in a queue, travels one frame at a time, and lands in the other end's inbox. */
class MemoryLink implements Link {
  readonly peer: PeerId;
  onEnd: () => void = () => {};
  readonly #deps: MemoryNetworkDeps;
  readonly #options: MemoryNetworkOptions;
  readonly #queue: FrameQueue;
  readonly #inbox: Frame[] = [];
  #other: MemoryLink | undefined;
  #travelling = false;
  #ended = false;
  #reading = false;
  #wakeReader: () => void = () => {};

  constructor(peer: PeerId, deps: MemoryNetworkDeps, options: MemoryNetworkOptions) {
    this.peer = peer;
    this.#deps = deps;
    this.#options = options;
    this.#queue = new FrameQueue(options.laneBytesMax);
  }

  join(other: MemoryLink): void {
    this.#other = other;
  }

  async send(channel: string, bytes: Uint8Array, priority: Priority): Promise<void> {
    if (bytes.length > FRAME_BYTES_MAX) {
      throw new PyralogError<NetErrorCode>(
        'net/frame-too-big',
        `a frame of ${bytes.length} bytes is above ${FRAME_BYTES_MAX}; split it`,
        { data: { bytes: bytes.length } },
      );
    }
    // A copy, as a socket would make: the caller may reuse its buffer (and slice() of a Buffer would share it).
    const placed = this.#queue.push({ channel, bytes: Uint8Array.from(bytes) }, priority);
    this.pump();
    await placed;
  }

  async *receive(signal: AbortSignal): AsyncIterable<Frame> {
    if (this.#reading) throw new Error('invariant broken: one reader at a time');
    this.#reading = true;
    const onAbort = () => this.#wakeReader();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const frame = this.#inbox.shift();
        if (frame !== undefined) {
          this.#other?.pump();
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

  async close(): Promise<void> {
    this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.close();
    this.#wakeReader();
    this.onEnd();
    this.#other?.end();
  }

  /** Sets the next frame on its way, unless one is travelling or the other end's inbox is full. */
  pump(): void {
    const { clock, random } = this.#deps;
    const other = this.#other;
    if (this.#travelling || this.#ended || other === undefined) return;
    if (other.#inbox.length >= this.#options.inboxFramesMax) return;
    const frame = this.#queue.shift();
    if (frame === undefined) return;
    this.#travelling = true;
    clock.schedule(clock.monotonic() + random() * this.#options.delayMsMax, () => {
      this.#travelling = false;
      if (other.#ended) return;
      other.#inbox.push(frame);
      other.#wakeReader();
      this.pump();
    });
  }
}
