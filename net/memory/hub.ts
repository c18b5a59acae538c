import { assert } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { Hello } from '../hello.ts';
import { DEFAULT_LIMITS } from '../options.ts';
import type { Network, PeerId } from '../types.ts';
import { Medium } from './medium.ts';
import { MemoryNetwork } from './network.ts';
import type { MemoryHub, MemoryPeerOptions, Weather, WeatherCounts } from './types.ts';

/**
 * An empty simulated network.
 *
 * `random`: uniform in [0, 1), seeded: the same seed and the same calls give the same run, event for event.
 */
export function createMemoryNetworkHub(clock: Clock, random: () => number): MemoryHub {
  return new Hub(clock, random);
}

class Hub implements MemoryHub {
  readonly #medium: Medium;
  readonly #nodes = new Map<PeerId, MemoryNetwork>();

  constructor(clock: Clock, random: () => number) {
    this.#medium = new Medium(clock, random);
  }

  join(hello: () => Hello, options: MemoryPeerOptions): Network {
    const { id, onBug, log = silentLogger } = options;
    assert(!this.#nodes.has(id), `${id} joins once while it lives`);
    const node = new MemoryNetwork(
      {
        medium: this.#medium,
        log,
        onBug,
        find: (peer) => this.#nodes.get(peer),
        leave: (gone) => {
          if (this.#nodes.get(gone.self) === gone) this.#nodes.delete(gone.self);
        },
      },
      { self: id, hello, limits: { ...DEFAULT_LIMITS, ...options.limits } },
    );
    this.#nodes.set(id, node);
    return node;
  }

  weather(change: Partial<Weather>): void {
    this.#medium.setWeather(change);
  }

  partition(from: readonly PeerId[], to: readonly PeerId[]): void {
    for (const a of from) {
      for (const b of to) if (a !== b) this.#medium.cut(a, b);
    }
    this.#changed();
  }

  heal(): void {
    this.#medium.heal();
    this.#changed();
  }

  clog(from: PeerId, to: PeerId): void {
    this.#medium.clog(from, to);
  }

  unclog(from: PeerId, to: PeerId): void {
    this.#medium.unclog(from, to);
  }

  crash(peer: PeerId): void {
    this.#nodes.get(peer)?.crash();
  }

  counts(): WeatherCounts {
    return this.#medium.counts();
  }

  #changed(): void {
    for (const node of [...this.#nodes.values()]) node.faultsChanged();
  }
}
