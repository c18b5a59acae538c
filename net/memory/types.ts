import type { Logger } from '../../base/log.ts';
import type { Hello } from '../hello.ts';
import type { NetworkLimits } from '../options.ts';
import type { Network, PeerId } from '../types.ts';

/** What the seeded network does to frames and gossip messages, from now on. */
export interface Weather {
  /** Each hop takes at least this and at most `delayMsMax` milliseconds, drawn anew. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Chances, 0 to 1, for each frame and each hop of a gossip message. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  /** Chance that a frame may overtake, or be overtaken by, others of its link. */
  readonly reorderRate: number;
}

export const CALM: Weather = {
  delayMsMin: 0,
  delayMsMax: 0,
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
};

/** How often each fault struck: a simulation shows that what it promises did happen. */
export interface WeatherCounts {
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly partitioned: number;
  readonly clogged: number;
}

export interface MemoryPeerOptions {
  readonly id: PeerId;
  readonly limits?: Partial<NetworkLimits>;
  readonly log?: Logger;
  /** Told of a listener or validation that threw. */
  readonly onBug: (bug: unknown) => void;
}

/** Networks of one process that reach each other through one seeded medium on virtual time (G15). */
export interface MemoryHub {
  /**
   * A node that joins now, under an id that no living node has. Its address is `/memory/<id>/p2p/<id>`. It is
   * connected to nobody until it dials or is dialled.
   */
  join(hello: () => Hello, options: MemoryPeerOptions): Network;
  /** Replaces the fields given. */
  weather(change: Partial<Weather>): void;
  /** From now on nothing passes from any of `from` to any of `to`; call it twice for a symmetric partition. */
  partition(from: readonly PeerId[], to: readonly PeerId[]): void;
  /** Ends all partitions. */
  heal(): void;
  /** Holds back everything from one peer to another, in order, until {@link unclog}. */
  clog(from: PeerId, to: PeerId): void;
  unclog(from: PeerId, to: PeerId): void;
  /** The node is gone from one instant to the next: no goodbye; its peers see their links close. */
  crash(peer: PeerId): void;
  counts(): WeatherCounts;
}
