import type { Connection } from '@libp2p/interface';
import type { PeerId } from '../types.ts';

export interface SlotsDeps {
  readonly connections: () => readonly Connection[];
  /** A peer that this node was told to be connected to. */
  readonly keeps: (peer: PeerId) => boolean;
  /** How many those are. */
  readonly kept: () => number;
}

/**
 * Places for peers that nobody asked for: what is left of `connectionsMax` when a quarter of it, or as many as this node
 * was told to be connected to, is kept free (G10). Else whoever has the most addresses decides whom a node can hear.
 */
export class Slots {
  readonly #deps: SlotsDeps;
  readonly #connectionsMax: number;

  constructor(deps: SlotsDeps, connectionsMax: number) {
    this.#deps = deps;
    this.#connectionsMax = connectionsMax;
  }

  /** Whether there is no place for one more of that peer's connections. */
  full(peer: PeerId): boolean {
    return !this.#deps.keeps(peer) && this.#strangers() >= this.#places();
  }

  /** Whether the connection, open already, is one too many: several may have come at once. */
  exceeded(peer: PeerId): boolean {
    return !this.#deps.keeps(peer) && this.#strangers() > this.#places();
  }

  #strangers(): number {
    const { connections, keeps } = this.#deps;
    let count = 0;
    for (const { remotePeer, status } of connections()) {
      if (status === 'open' && !keeps(remotePeer.toString())) count++;
    }
    return count;
  }

  #places(): number {
    const reserved = Math.max(Math.floor(this.#connectionsMax / 4), this.#deps.kept());
    return Math.max(this.#connectionsMax - reserved, 0);
  }
}
