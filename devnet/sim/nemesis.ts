import type { MemoryHub, PeerId } from '../../net/index.ts';
import type { SimClock } from './clock.ts';
import type { Machine } from './node-machine.ts';
import { pickInt, pickOne, pickSome } from './random.ts';
import type { Transcript } from './transcript.ts';

/** Faults that the nemesis does on purpose; those of the weather are counted where they strike. */
export const FAULTS = [
  'crash',
  'torn-write',
  'stop',
  'pause',
  'partition',
  'one-way',
  'isolate',
  'clog',
  'weather',
  'wall-jump',
  'disk-error',
] as const;
export type FaultKind = (typeof FAULTS)[number];

/** A correct clock is at most so far from true time: two of them differ by no more than the genesis allows (I7). */
export const SKEW_MS_MAX = 240;

export interface NemesisDeps {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly hub: MemoryHub;
  readonly transcript: Transcript;
  readonly machines: readonly Machine[];
  /** The disk of this machine fails from now on, until it is started again. */
  readonly failDisk: (machine: Machine) => void;
  /** Whether it does. */
  readonly isFailing: (machine: Machine) => boolean;
  /** Calls back in the middle of the machine's next sync. */
  readonly duringSync: (machine: Machine, task: () => void) => void;
  /** A machine is started; `undefined`: the first time. */
  readonly start: (machine: Machine) => void;
}

export interface NemesisOptions {
  readonly kinds: readonly FaultKind[];
  /** Mean time between two faults. */
  readonly everyMs: number;
  /** Longest time until a fault is repaired. */
  readonly lastsMsMax: number;
}

/** Breaks things at random times, and repairs them at others; {@link heal} repairs everything for good. */
export class Nemesis {
  readonly counts: Record<FaultKind, number>;
  readonly #deps: NemesisDeps;
  readonly #options: NemesisOptions;
  readonly #clogs: (readonly [PeerId, PeerId])[] = [];
  #over = false;

  constructor(deps: NemesisDeps, options: NemesisOptions) {
    this.#deps = deps;
    this.#options = options;
    this.counts = Object.fromEntries(FAULTS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
    this.#weather();
    if (options.kinds.length > 0) this.#next();
  }

  /** From now on the network is calm and every machine runs. */
  heal(): void {
    const { hub, machines, start, transcript } = this.#deps;
    this.#over = true;
    transcript.note('nemesis', 'heals everything');
    hub.weather({ delayMsMin: 1, delayMsMax: 20, lossRate: 0, duplicateRate: 0, reorderRate: 0 });
    hub.heal();
    for (const [from, to] of this.#clogs.splice(0)) hub.unclog(from, to);
    for (const machine of machines) {
      machine.resume();
      if (this.#deps.isFailing(machine)) machine.crash();
      start(machine);
    }
  }

  #next(): void {
    const { clock, random } = this.#deps;
    clock.schedule(clock.monotonic() + 2 * random() * this.#options.everyMs, () => {
      if (this.#over) return;
      this.#strike(pickOne(random, this.#options.kinds));
      this.#next();
    });
  }

  #strike(kind: FaultKind): void {
    const { random, machines, transcript } = this.#deps;
    const victim = pickOne(random, machines);
    transcript.note('nemesis', `${kind}, ${victim.id}`);
    this.counts[kind]++;
    this.#act(kind, victim);
  }

  #act(kind: FaultKind, victim: Machine): void {
    const { hub, random, machines } = this.#deps;
    const ids = machines.map(({ id }) => id);
    switch (kind) {
      case 'crash':
        victim.crash();
        this.#later(() => this.#deps.start(victim));
        return;
      case 'torn-write':
        this.#deps.duringSync(victim, () => {
          if (this.#over) return;
          victim.crash();
          this.#later(() => this.#deps.start(victim));
        });
        return;
      case 'stop':
        void victim.stop();
        this.#later(() => this.#deps.start(victim));
        return;
      case 'pause':
        victim.pause();
        this.#later(() => victim.resume());
        return;
      case 'partition':
      case 'one-way': {
        const some = pickSome(random, ids, pickInt(random, 1, ids.length - 1));
        const others = ids.filter((id) => !some.includes(id));
        hub.partition(some, others);
        if (kind === 'partition') hub.partition(others, some);
        this.#later(() => hub.heal());
        return;
      }
      case 'isolate':
        hub.partition([victim.id], ids);
        hub.partition(ids, [victim.id]);
        this.#later(() => hub.heal());
        return;
      case 'clog': {
        const [from, to] = pickSome(random, ids, 2);
        if (from !== undefined && to !== undefined) this.#clog(from, to);
        return;
      }
      case 'weather':
        this.#weather();
        return;
      case 'wall-jump':
        victim.setWall(pickInt(random, -SKEW_MS_MAX, SKEW_MS_MAX));
        return;
      case 'disk-error':
        this.#deps.failDisk(victim);
        this.#later(() => {
          victim.crash();
          this.#later(() => this.#deps.start(victim));
        });
    }
  }

  #clog(from: PeerId, to: PeerId): void {
    const { hub } = this.#deps;
    hub.clog(from, to);
    const pair = [from, to] as const;
    this.#clogs.push(pair);
    this.#later(() => {
      const i = this.#clogs.indexOf(pair);
      if (i < 0) return;
      this.#clogs.splice(i, 1);
      hub.unclog(from, to);
    });
  }

  #weather(): void {
    const { hub, random } = this.#deps;
    const bad = () => (random() < 0.5 ? 0 : random());
    const delayMsMin = random() * 10;
    hub.weather({
      delayMsMin,
      delayMsMax: delayMsMin + bad() * 200,
      lossRate: bad() * 0.3,
      duplicateRate: bad() * 0.2,
      reorderRate: bad() * 0.3,
    });
  }

  #later(repair: () => void): void {
    const { clock, random } = this.#deps;
    clock.schedule(clock.monotonic() + random() * this.#options.lastsMsMax, () => {
      if (!this.#over) repair();
    });
  }
}
