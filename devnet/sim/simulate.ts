import { LIES, type Lie } from './byzantine.ts';
import { FAULTS, type FaultKind, Nemesis } from './nemesis.ts';
import { pickInt, pickSome, randomOf } from './random.ts';
import { settle, whereIs } from './settlement.ts';
import type { Violation } from './witness.ts';
import { Workload } from './workload.ts';
import { type LiarPlan, World, type WorldPlan } from './world.ts';

export interface SimOptions {
  readonly seed: number;
  /** Validators; drawn from the seed when absent. */
  readonly nodes?: number;
  /** What liars do, of which there are then as many as a network bears; drawn from the seed when absent. */
  readonly lies?: readonly Lie[];
  readonly kinds?: readonly FaultKind[];
  /** Virtual time under faults. */
  readonly chaosMs?: number;
  /** Turns of the event loop between two events; what comes out does not depend on it. */
  readonly turns?: number;
}

export interface SimReport {
  readonly seed: number;
  readonly nodes: number;
  /** Over everything that happened: the same for the same seed. */
  readonly hash: string;
  readonly events: number;
  readonly heights: number;
  readonly transactions: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  /** The newest events of each node. */
  readonly tail: readonly string[];
}

const CHAOS_MS = 6_000;
/** After healing everything must be well within so much virtual time (Q13). */
const HEALED_MS_MAX = 60_000;

/** One run: machines start, things break, everything is healed, and all that was promised is checked. */
export async function simulate(options: SimOptions): Promise<SimReport> {
  const { seed, kinds = FAULTS, chaosMs = CHAOS_MS, turns = 1 } = options;
  const world = new World(planOf(options));
  const { clock, hub, witness, transcript, machines, start, correct } = world;
  for (const machine of machines) start(machine);
  const nemesis = new Nemesis(
    {
      clock,
      hub,
      transcript,
      machines: correct,
      start,
      failDisk: world.failDisk,
      isFailing: world.isFailing,
      duringSync: world.duringSync,
      random: randomOf(seed, 'nemesis'),
    },
    { kinds, everyMs: 600, lastsMsMax: 2_000 },
  );
  const workload = new Workload(
    {
      clock,
      transcript,
      witness,
      cast: world.cast,
      machines: correct,
      random: randomOf(seed, 'clients'),
    },
    100,
  );
  const run = new Run(world, turns);
  await run.until(() => clock.monotonic() >= chaosMs);
  nemesis.heal();
  const goal = Math.max(...correct.map(({ height }) => height)) + 2;
  const end = clock.monotonic() + HEALED_MS_MAX;
  await run.until(() => clock.monotonic() >= end || correct.every((each) => each.height >= goal));
  workload.stop();
  world.cluster.stop();
  await run.until(async () => clock.monotonic() >= end || (await isQuiet(world)));
  if (clock.monotonic() >= end) {
    const state = correct.map((each) => `${each.id} at ${each.height}`).join(', ');
    witness.violated('Q13', `${HEALED_MS_MAX} ms after healing: ${state}; ${goal} was the goal`);
  }
  const virtualMs = clock.monotonic();
  if (witness.violations.length === 0) {
    await settle(world).catch((error: unknown) => witness.bug(correct[0]?.id ?? '', error));
  }
  for (const machine of machines) machine.crash();
  const { delivered: _, ...weather } = hub.counts();
  const torn = [...world.disks.values()].reduce((sum, { tornWrites }) => sum + tornWrites, 0);
  return {
    seed,
    nodes: world.plan.validators,
    events: transcript.events,
    hash: transcript.digest(),
    heights: witness.finals.size,
    transactions: witness.executed.size,
    virtualMs,
    faults: {
      ...weather,
      ...nemesis.counts,
      'torn-write': torn,
      ...Object.fromEntries(LIES.map((lie) => [lie, world.lies.get(lie) ?? 0])),
    },
    violations: witness.violations,
    tail: witness.violations.length === 0 ? [] : transcript.tail(),
  };
}

/** Who is there and who lies, drawn from the seed. */
function planOf({ seed, nodes, lies }: SimOptions): WorldPlan {
  const random = randomOf(seed, 'plan');
  const drawn = pickInt(random, 4, 7);
  const validators = nodes ?? drawn;
  const isEven = random() < 0.7;
  const powers = Array.from({ length: validators }, () =>
    isEven ? 1n : BigInt(pickInt(random, 1, 5)),
  ).sort((a, b) => Number(b - a));
  const total = powers.reduce((sum, power) => sum + power, 0n);
  const byzantine: LiarPlan[] = [];
  let lying = 0n;
  for (const index of pickSome(
    random,
    [...powers.keys()],
    random() < 0.7 || lies !== undefined ? validators : 0,
  )) {
    const power = powers[index] ?? 0n;
    if (3n * (lying + power) >= total) continue;
    lying += power;
    byzantine.push({ index, lies: new Set(lies ?? pickSome(random, LIES, pickInt(random, 1, 3))) });
  }
  const observers = random() < 0.3 ? 1 : 0;
  return { seed, validators, observers, byzantine, powers };
}

/** Everybody has the same, what correct nodes took is settled, and the whole log is anchored. */
async function isQuiet({ cluster, correct, witness }: World): Promise<boolean> {
  const [first] = correct;
  const heights = new Set(correct.map(({ height }) => height));
  if (heights.size !== 1 || first?.life === undefined) return false;
  if (correct.some(({ life }) => life === undefined)) return false;
  if (!(await cluster.isAnchored(first.life))) return false;
  for (const accepted of witness.accepted) {
    if ((await whereIs(correct, accepted)) === 'waits') return false;
  }
  return true;
}

/** Lets virtual time pass. */
class Run {
  readonly #world: World;
  readonly #turns: number;

  constructor(world: World, turns: number) {
    this.#world = world;
    this.#turns = turns;
  }

  /** Ends early when a checker has found something. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const { clock, witness } = this.#world;
    for (;;) {
      await this.#settled();
      if (witness.violations.length > 0 || (await this.#holds(condition))) return;
      if (!clock.advance()) throw new Error('invariant broken: nothing is ever going to happen');
    }
  }

  /** A node that cannot be asked has found a bug in itself. */
  async #holds(condition: () => boolean | Promise<boolean>): Promise<boolean> {
    try {
      return await condition();
    } catch (error) {
      this.#world.witness.bug(this.#world.correct[0]?.id ?? '', error);
      return true;
    }
  }

  /**
   * Whatever can run without time passing has run: everything here goes on by microtasks, which one turn of the event loop
   * leaves none of.
   */
  async #settled(): Promise<void> {
    for (let i = 0; i < this.#turns; i++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}
