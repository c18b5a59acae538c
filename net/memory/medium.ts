import type { Clock } from '../../base/time.ts';
import type { FaultSwitch } from '../faults.ts';
import type { PeerId } from '../types.ts';
import { CALM, type Weather, type WeatherCounts } from './types.ts';

/** One end of the medium. */
export interface Station {
  readonly self: PeerId;
  readonly faults: FaultSwitch;
}

/** The order of one direction of one link: when its last frame arrives. */
export interface Course {
  lastAt: number;
}

/**
 * What lies between the nodes of a simulated network: it carries, loses, doubles, delays and holds back (G15).
 *
 * Everything that arrives does so as a task of the clock, even after no delay, so the order of events is the clock's
 * and not that of promises. Chance is drawn only where a rate is set: a calm network costs no randomness.
 */
export class Medium {
  readonly clock: Clock;
  readonly random: () => number;
  readonly #cuts = new Set<string>();
  readonly #clogs = new Map<string, (() => void)[]>();
  readonly #counts = {
    delivered: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    partitioned: 0,
    clogged: 0,
  };
  #weather: Weather = CALM;

  constructor(clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
  }

  setWeather(change: Partial<Weather>): void {
    this.#weather = { ...this.#weather, ...change };
  }

  counts(): WeatherCounts {
    return { ...this.#counts };
  }

  cut(from: PeerId, to: PeerId): void {
    this.#cuts.add(way(from, to));
  }

  heal(): void {
    this.#cuts.clear();
  }

  clog(from: PeerId, to: PeerId): void {
    const key = way(from, to);
    if (!this.#clogs.has(key)) this.#clogs.set(key, []);
  }

  unclog(from: PeerId, to: PeerId): void {
    const held = this.#clogs.get(way(from, to)) ?? [];
    this.#clogs.delete(way(from, to));
    const now = this.clock.monotonic();
    for (const task of held) this.clock.schedule(now, task);
  }

  /** Whether nothing passes from one to the other, by partition or by a switch at either end. */
  blocks(from: Station, to: Station): boolean {
    return (
      (this.#cuts.size > 0 && this.#cuts.has(way(from.self, to.self))) ||
      from.faults.blocks(to.self, 'out') ||
      to.faults.blocks(from.self, 'in')
    );
  }

  delayMs(): number {
    const { delayMsMin, delayMsMax } = this.#weather;
    return delayMsMax > delayMsMin
      ? delayMsMin + this.random() * (delayMsMax - delayMsMin)
      : delayMsMin;
  }

  /**
   * Takes one frame or message across; `arrive` is called once, never, or (duplicated) twice. With a course, order
   * holds unless the weather reorders. Returns false when it is lost on the way already.
   */
  carry(from: Station, to: Station, arrive: () => void, course?: Course): boolean {
    if (this.blocks(from, to)) {
      this.#counts.partitioned++;
      return false;
    }
    const out = from.faults.fate(to.self, 'out');
    const into = to.faults.fate(from.self, 'in');
    if (out === 'lost' || into === 'lost' || this.#strikes(this.#weather.lossRate)) {
      this.#counts.lost++;
      return false;
    }
    this.#send(from, to, { arrive, extraMs: out + into, course });
    if (this.#strikes(this.#weather.duplicateRate)) {
      this.#counts.duplicated++;
      this.#send(from, to, { arrive, extraMs: out + into, course: undefined });
    }
    return true;
  }

  #send(
    from: Station,
    to: Station,
    parcel: { arrive: () => void; extraMs: number; course: Course | undefined },
  ): void {
    let at = this.clock.monotonic() + this.delayMs() + parcel.extraMs;
    if (parcel.course !== undefined) {
      if (this.#strikes(this.#weather.reorderRate)) {
        this.#counts.reordered++;
      } else {
        at = Math.max(at, parcel.course.lastAt);
        parcel.course.lastAt = at;
      }
    }
    this.clock.schedule(at, () => this.#land(from, to, parcel.arrive));
  }

  #land(from: Station, to: Station, arrive: () => void): void {
    const held = this.#clogs.size === 0 ? undefined : this.#clogs.get(way(from.self, to.self));
    if (held !== undefined) {
      this.#counts.clogged++;
      held.push(() => this.#land(from, to, arrive));
      return;
    }
    if (this.blocks(from, to)) {
      this.#counts.partitioned++;
      return;
    }
    this.#counts.delivered++;
    arrive();
  }

  #strikes(rate: number): boolean {
    return rate > 0 && this.random() < rate;
  }
}

function way(from: PeerId, to: PeerId): string {
  return `${from}\n${to}`;
}
