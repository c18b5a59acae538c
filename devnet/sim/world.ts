import { createMemoryNetworkHub, type MemoryHub } from '../../net/index.ts';
import { Liar, type Lie } from './byzantine.ts';
import { type Cast, castOf } from './cast.ts';
import { SimClock } from './clock.ts';
import { ToyCluster } from './cluster.ts';
import { SimDisk } from './disk.ts';
import { SKEW_MS_MAX } from './nemesis.ts';
import { Machine } from './node-machine.ts';
import { pickInt, pickSome, randomOf } from './random.ts';
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
  /** Validators that break the rules, together less than a third of the power. */
  readonly byzantine: readonly LiarPlan[];
  readonly powers: readonly bigint[];
}

export interface LiarPlan {
  readonly index: number;
  readonly lies: ReadonlySet<Lie>;
}

/** A liar does what it does of itself so often: babble, forget. */
const LIAR_MS = 400;
/** How far a lying clock is off, more than any bound of genesis. */
const LYING_MS = 10_000;

/** Machines, the network between them, and who watches. */
export class World {
  readonly plan: WorldPlan;
  readonly clock = new SimClock();
  readonly transcript = new Transcript(this.clock);
  readonly cast: Cast;
  readonly hub: MemoryHub;
  readonly witness: Witness;
  readonly cluster: ToyCluster;
  readonly machines: Machine[] = [];
  readonly disks = new Map<Machine, SimDisk>();
  /** How often each lie was told. */
  readonly lies = new Map<Lie, number>();
  readonly #failing = new Set<SimDisk>();
  readonly #correct: ReadonlySet<string>;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    this.cast = castOf(plan.powers);
    this.hub = createMemoryNetworkHub(this.clock, randomOf(plan.seed, 'network'));
    const count = plan.validators + plan.observers;
    const ids = Array.from({ length: count }, (_, i) => `n${i}`);
    this.#correct = new Set(ids.filter((_, i) => !plan.byzantine.some(({ index }) => index === i)));
    this.witness = new Witness(this.clock, this.transcript, (id) => this.#correct.has(id));
    const { cast, clock, transcript, witness } = this;
    const random = randomOf(plan.seed, 'cluster');
    this.cluster = new ToyCluster({ cast, clock, transcript, witness, random });
    const liars = plan.byzantine.map(({ index }) => `n${index}`);
    const twins = plan.byzantine.filter(({ lies }) => lies.has('twins'));
    const all = [...ids, ...twins.map(({ index }) => `n${index}b`)];
    for (const [i, id] of ids.entries()) if (!liars.includes(id)) this.#addCorrect(i, all);
    const chance = randomOf(plan.seed, 'lies');
    const correct = [...this.#correct];
    const others = pickSome(chance, correct, pickInt(chance, 1, correct.length - 1));
    for (const liar of plan.byzantine) this.#addLiar(liar, all, new Set(others));
  }

  readonly isCorrect = (machine: Machine): boolean => this.#correct.has(machine.id);

  get correct(): readonly Machine[] {
    return this.machines.filter((machine) => this.isCorrect(machine));
  }

  /** Correct machines that anchor the log of the toy cluster. */
  get homes(): readonly Machine[] {
    return this.correct.slice(0, this.cast.submitters.length);
  }

  /** Starts a machine that is down; its disk works again. */
  readonly start = (machine: Machine): void => {
    const disk = this.disks.get(machine);
    // A start that comes late finds the machine running, on the disk that fails and silenced by it: that is not repaired.
    if (disk !== undefined && machine.life === undefined) this.#failing.delete(disk);
    void machine.start();
  };

  readonly failDisk = (machine: Machine): void => {
    const disk = this.disks.get(machine);
    if (disk !== undefined) this.#failing.add(disk);
  };

  readonly isFailing = (machine: Machine): boolean => {
    const disk = this.disks.get(machine);
    return disk !== undefined && this.#failing.has(disk);
  };

  readonly duringSync = (machine: Machine, task: () => void): void => {
    const disk = this.disks.get(machine);
    if (disk !== undefined) disk.duringSync = task;
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

  /** A validator that lies; `others` is who is told the other thing. */
  #addLiar({ index, lies }: LiarPlan, all: readonly string[], others: ReadonlySet<string>): void {
    const id = `n${index}`;
    const random = randomOf(this.plan.seed, id);
    const signer = this.cast.voters[index];
    if (signer === undefined) throw new Error('invariant broken: a liar has a vote');
    const told = (lie: Lie) => {
      this.transcript.note(id, `lies: ${lie}`);
      this.lies.set(lie, (this.lies.get(lie) ?? 0) + 1);
    };
    const isTwin = lies.has('twins');
    const rest = new Set([...this.#correct].filter((each) => !others.has(each)));
    for (const face of isTwin ? [id, `${id}b`] : [id]) {
      const deafTo = isTwin ? (face === id ? others : rest) : new Set<string>();
      const deps = { signer, network: this.cast.network, random, lies, others, deafTo, told };
      const liar = new Liar(deps);
      const machine = this.add({
        id: face,
        random,
        peers: all.filter((other) => other !== face && !deafTo.has(other)),
        tap: () => this.#overhear(face, liar),
        voter: signer,
        wallAheadMs: lies.has('lying-clock') ? (random() - 0.5) * 2 * LYING_MS : 0,
      });
      if (isTwin) told('twins');
      if (lies.has('lying-clock')) told('lying-clock');
      this.#liveLying(machine, liar, lies, told);
    }
  }

  #liveLying(machine: Machine, liar: Liar, lies: ReadonlySet<Lie>, told: (lie: Lie) => void): void {
    this.clock.schedule(this.clock.monotonic() + LIAR_MS, () => {
      if (lies.has('garbage')) liar.babble();
      if (lies.has('amnesia') && machine.life !== undefined) {
        machine.crash();
        machine.forget();
        told('amnesia');
        this.start(machine);
      }
      this.#liveLying(machine, liar, lies, told);
    });
  }

  add(part: Part): Machine {
    const { id, random, peers, tap, voter, wallAheadMs } = part;
    const fails = () => this.#failing.has(disk);
    const disk: SimDisk = new SimDisk({ random, syncMsMax: 6, fails });
    const machine: Machine = new Machine(
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
        onUp: (life) => {
          this.witness.cameUp(id, life.chain.reader.head()?.height ?? 0);
          const home = this.homes.indexOf(machine);
          return home < 0 ? undefined : this.cluster.attach(machine, life, home);
        },
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

  #overhear(id: string, liar: Liar): Tap {
    const { transcript } = this;
    return {
      sent: (to, frame) => liar.sent(to, frame),
      heard(from, frame) {
        transcript.frame(id, '<', from, frame);
        return liar.heard(from, frame);
      },
      blamed: () => liar.blamed(),
      opened: (link) => liar.opened(link),
    };
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
}
