import type { Chain } from '../../chain/index.ts';
import type { App } from '../../consensus/index.ts';
import { createMemoryNetworkHub, type MemoryHub } from '../../net/index.ts';
import { type Cast, castOf } from './cast.ts';
import { SimClock } from './clock.ts';
import { SimDisk } from './disk.ts';
import { Machine } from './machine.ts';
import { SKEW_MS_MAX } from './nemesis.ts';
import { pickInt, randomOf } from './random.ts';
import { SimStore } from './store.ts';
import type { Tap } from './tap.ts';
import { Transcript } from './transcript.ts';
import { Witness } from './witness.ts';

/** Who is there: made of the seed and nothing else. */
export interface WorldPlan {
  readonly seed: number;
  /** Validators, and behind them nodes without a key. */
  readonly validators: number;
  readonly observers: number;
  /** Indices of validators that break the rules, together less than a third of the power. */
  readonly byzantine: readonly number[];
  readonly powers: readonly bigint[];
}

/** Machines, the network between them, and who watches. */
export class World {
  readonly plan: WorldPlan;
  readonly clock = new SimClock();
  readonly transcript = new Transcript(this.clock);
  readonly cast: Cast;
  readonly hub: MemoryHub;
  readonly witness: Witness;
  readonly machines: Machine[] = [];
  readonly disks = new Map<Machine, SimDisk>();
  readonly #failing = new Set<SimDisk>();
  readonly #correct: ReadonlySet<string>;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    this.cast = castOf(plan.powers);
    this.hub = createMemoryNetworkHub(this.clock, randomOf(plan.seed, 'network'));
    const count = plan.validators + plan.observers;
    const ids = Array.from({ length: count }, (_, i) => `n${i}`);
    this.#correct = new Set(ids.filter((_, i) => !plan.byzantine.includes(i)));
    this.witness = new Witness(this.clock, this.transcript, (id) => this.#correct.has(id));
    for (const i of ids.keys()) if (!plan.byzantine.includes(i)) this.#addCorrect(i, ids);
  }

  readonly isCorrect = (machine: Machine): boolean => this.#correct.has(machine.id);

  get correct(): readonly Machine[] {
    return this.machines.filter((machine) => this.isCorrect(machine));
  }

  /** Starts a machine that is down; its disk works again. */
  readonly start = (machine: Machine): void => {
    const disk = this.disks.get(machine);
    if (disk !== undefined) this.#failing.delete(disk);
    if (machine.isUp) return;
    void machine.start().then(() => {
      if (machine.life !== undefined) this.witness.cameUp(machine.id, machine.height);
    });
  };

  readonly failDisk = (machine: Machine): void => {
    const disk = this.disks.get(machine);
    if (disk !== undefined) this.#failing.add(disk);
  };

  #addCorrect(i: number, ids: readonly string[]): void {
    const id = `n${i}`;
    const random = randomOf(this.plan.seed, id);
    const voter = this.cast.voters[i];
    const peers = ids.filter((other) => other !== id);
    this.add({
      id,
      random,
      peers,
      tap: () => this.#watch(id),
      voter: voter === undefined ? undefined : this.witness.watch(id, voter),
      wallAheadMs: pickInt(random, -SKEW_MS_MAX, SKEW_MS_MAX),
    });
  }

  add(part: Part): Machine {
    const { id, random, peers, tap, voter, wallAheadMs } = part;
    const fails = () => this.#failing.has(disk);
    const disk: SimDisk = new SimDisk({ random, syncMsMax: 6, fails });
    const machine = new Machine(
      {
        clock: this.clock,
        hub: this.hub,
        random,
        cast: this.cast,
        disk,
        store: new SimStore({ random, batchMsMax: 6 }),
        log: this.transcript.logger(id),
        tap,
        onFinal: (notice) => this.witness.final(id, notice),
        onBug: (bug) => this.witness.bug(id, bug),
        ...(part.app === undefined ? {} : { app: part.app }),
      },
      {
        id,
        peers,
        wallAheadMs,
        engine: { blockIntervalMs: 150, heartbeatMs: 2_000 },
        ...(voter === undefined ? {} : { voter }),
      },
    );
    this.disks.set(machine, disk);
    this.machines.push(machine);
    return machine;
  }

  #watch(id: string): Tap {
    const { transcript, witness } = this;
    return {
      sent(to, frame) {
        transcript.frame(id, '>', to, frame);
        return [frame];
      },
      heard(from, frame) {
        transcript.frame(id, '<', from, frame);
        return true;
      },
      blamed: (peer, fault) => witness.blamed(id, peer, fault),
    };
  }
}

/** What a machine of this world is made of. */
export interface Part {
  readonly id: string;
  readonly random: () => number;
  readonly peers: readonly string[];
  readonly tap: () => Tap;
  readonly voter: Machine['options']['voter'] | undefined;
  readonly wallAheadMs: number;
  readonly app?: (app: App, chain: Chain) => App;
}
