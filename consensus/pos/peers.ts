import type { Logger } from '../../base/log.ts';
import type { Channel, Fault, Frame, Link, Network, PeerId, Priority } from '../../net/index.ts';
import { keyOf } from './cbor.ts';

/** Frames and bytes that may wait for a slow peer (P31). */
const WAITING_FRAMES_MAX = 256;
const WAITING_BYTES_MAX = 8 * 1024 * 1024;

/** A connected peer as the engine knows it. */
export interface Peer {
  readonly id: PeerId;
  readonly link: Link;
  /** The vote key that it claims, as a map key. */
  readonly voteKey: string | undefined;
  /** Its head, as it told. */
  head: number;
  /** Validators that it hears directly, as it told (P30). */
  heard: ReadonlySet<string>;
  waitingFrames: number;
  waitingBytes: number;
}

export interface PeerHandler {
  connected(peer: Peer): void;
  disconnected(peer: Peer): void;
  frame(peer: Peer, frame: Frame): void;
  /** Resolves when more may be read; undefined: at once (P31). */
  room(): Promise<void> | undefined;
  /** Reading a link failed in a way that no peer can cause. */
  bug(error: unknown): void;
}

/** The peers of the engine, their links read one frame at a time, and what waits for each of them bounded (P31). */
export class Peers {
  readonly #network: Network;
  readonly #log: Logger;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #closing = new AbortController();
  #droppedFrames = 0;

  constructor(network: Network, log: Logger) {
    this.#network = network;
    this.#log = log;
  }

  /** Begins to listen. */
  start(handler: PeerHandler): void {
    const end = this.#network.onPeer({
      connected: (link, hello) => {
        const { headHeight, voteKey } = hello;
        const peer: Peer = {
          id: link.peer,
          link,
          voteKey: voteKey === undefined ? undefined : keyOf(voteKey),
          head: headHeight,
          heard: new Set(),
          waitingFrames: 0,
          waitingBytes: 0,
        };
        this.#peers.set(link.peer, peer);
        void this.#read(peer, handler);
        handler.connected(peer);
      },
      disconnected: (id) => {
        const peer = this.#peers.get(id);
        if (peer === undefined) return;
        this.#peers.delete(id);
        handler.disconnected(peer);
      },
    });
    this.#closing.signal.addEventListener('abort', end, { once: true });
  }

  get droppedFrames(): number {
    return this.#droppedFrames;
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#peers.values();
  }

  get(id: PeerId): Peer | undefined {
    return this.#peers.get(id);
  }

  has(peer: Peer): boolean {
    return this.#peers.get(peer.id) === peer;
  }

  /** Sends, or drops the frame when too much waits for this peer already: everything is repeated until it is heard. */
  send(peer: Peer, channel: Channel, bytes: Uint8Array, priority: Priority): void {
    if (peer.waitingFrames >= WAITING_FRAMES_MAX || peer.waitingBytes > WAITING_BYTES_MAX) {
      this.#droppedFrames++;
      return;
    }
    peer.waitingFrames++;
    peer.waitingBytes += bytes.length;
    const done = () => {
      peer.waitingFrames--;
      peer.waitingBytes -= bytes.length;
    };
    peer.link.send(channel, bytes, priority).then(done, (err: unknown) => {
      done();
      this.#log.debug({ err, peer: peer.id }, 'frame not sent');
    });
  }

  broadcast(channel: Channel, bytes: Uint8Array, priority: Priority): void {
    for (const peer of this.#peers.values()) this.send(peer, channel, bytes, priority);
  }

  report(peer: Peer, fault: Fault, reason: string): void {
    this.#log.warn({ peer: peer.id, fault, reason }, 'peer at fault');
    this.#network.report(peer.id, fault);
  }

  stop(): void {
    this.#closing.abort();
    this.#peers.clear();
  }

  async #read(peer: Peer, handler: PeerHandler): Promise<void> {
    try {
      for await (const frame of peer.link.receive(this.#closing.signal)) {
        if (!this.has(peer)) return;
        handler.frame(peer, frame);
        await handler.room();
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) handler.bug(error);
    }
  }
}
