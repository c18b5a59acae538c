import type { Peer, Peers } from './peers.ts';
import { heardFrame } from './wire.ts';

/** Messages remembered of one height (P31). */
const REMEMBERED_MAX = 16_384;
/** A validator not heard for so many heights is not heard directly any more (P30). */
const DIRECT_HEIGHTS = 2;

/** Who says what about itself, where nobody has to be trusted for it. */
export interface Spoken {
  readonly height: number;
  readonly round: number;
  /** Its author, as a map key. */
  readonly author: string;
}

/**
 * Passes votes and proposals on to those who cannot hear their author (P30).
 *
 * Validators that are all connected to each other pass on nothing. What a peer says it hears only harms itself when it
 * is wrong; to be fooled, a node would have to be sent all messages of a validator in time by somebody else.
 */
export class Relay {
  readonly #peers: Peers;
  /** Messages taken, by height. */
  readonly #taken = new Map<number, Set<string>>();
  /** Of a validator: the newest height in which the peer with its key delivered its signature. */
  readonly #direct = new Map<string, number>();
  #told: string | undefined;
  #relayed = 0;

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  get relayed(): number {
    return this.#relayed;
  }

  /** Whether these bytes were taken before. */
  knows(height: number, message: string): boolean {
    return this.#taken.get(height)?.has(message) ?? false;
  }

  /** Remembers a message while it is judged and, unless it is refused, afterwards. */
  take(height: number, message: string): void {
    const taken = this.#taken.get(height) ?? new Set();
    this.#taken.set(height, taken);
    // A second sight of an old message costs one signature check; a set without end costs the node.
    if (taken.size >= REMEMBERED_MAX) taken.clear();
    taken.add(message);
  }

  forget(height: number, message: string): void {
    this.#taken.get(height)?.delete(message);
  }

  /** A verified message of its author arrived over this link. */
  heard(from: Peer, { author, height }: Spoken): void {
    if (from.voteKey !== author) return;
    this.#direct.set(author, Math.max(height, this.#direct.get(author) ?? 0));
  }

  /** Passes a verified message on to everybody who may not have it. */
  forward(makeFrame: () => Uint8Array, from: Peer, { author, round }: Spoken): void {
    let frame: Uint8Array | undefined;
    for (const peer of this.#peers) {
      if (peer === from || peer.voteKey === author) continue;
      if (round === 0 && peer.heard.has(author)) continue;
      this.#relayed++;
      frame ??= makeFrame();
      this.#peers.send(peer, 'consensus', frame, 'urgent');
    }
  }

  /** Forgets what heights up to this one were about. */
  finished(height: number): void {
    for (const known of this.#taken.keys()) if (known <= height) this.#taken.delete(known);
  }

  /** Tells everybody which validators this node hears, when that changed since it last did. */
  tell(height: number): void {
    const keys = this.#hearing(height);
    const text = keys.join('');
    if (text === this.#told) return;
    this.#told = text;
    this.#peers.broadcast('consensus', frameOf(keys), 'normal');
  }

  tellAgain(height: number): void {
    this.#told = undefined;
    this.tell(height);
  }

  tellPeer(peer: Peer, height: number): void {
    this.#peers.send(peer, 'consensus', frameOf(this.#hearing(height)), 'normal');
  }

  #hearing(height: number): string[] {
    const connected = new Set([...this.#peers].map(({ voteKey }) => voteKey));
    return [...this.#direct]
      .filter(([key, newest]) => connected.has(key) && newest > height - DIRECT_HEIGHTS)
      .map(([key]) => key)
      .sort();
  }
}

function frameOf(keys: readonly string[]): Uint8Array {
  return heardFrame(keys.map((key) => Uint8Array.from(Buffer.from(key, 'latin1'))));
}
