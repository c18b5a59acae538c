import type { Machine } from './machine.ts';
import { FAULTS, type FaultKind, Nemesis } from './nemesis.ts';
import { pickInt, randomOf } from './random.ts';
import { settle } from './settlement.ts';
import type { Violation } from './witness.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

export interface SimOptions {
  readonly seed: number;
  /** Validators; drawn from the seed when absent. */
  readonly nodes?: number;
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
  const random = randomOf(seed, 'plan');
  const validators = options.nodes ?? pickInt(random, 4, 7);
  const world = new World({
    seed,
    validators,
    observers: random() < 0.3 ? 1 : 0,
    byzantine: [],
    powers: Array.from({ length: validators }, () => 1n),
  });
  const { clock, hub, witness, transcript, machines, start, failDisk } = world;
  for (const machine of machines) start(machine);
  const nemesis = new Nemesis(
    { clock, hub, transcript, machines, start, failDisk, random: randomOf(seed, 'nemesis') },
    { kinds, everyMs: 600, lastsMsMax: 2_000 },
  );
  const workload = new Workload(
    {
      clock,
      transcript,
      witness,
      cast: world.cast,
      machines: world.correct,
      random: randomOf(seed, 'clients'),
    },
    100,
  );
  const run = new Run(world, turns);
  await run.until(() => clock.monotonic() >= chaosMs);
  nemesis.heal();
  const goal = Math.max(...world.correct.map(({ height }) => height)) + 2;
  const end = clock.monotonic() + HEALED_MS_MAX;
  await run.until(
    () => clock.monotonic() >= end || world.correct.every((each) => each.height >= goal),
  );
  workload.stop();
  await run.until(() => clock.monotonic() >= end || isQuiet(world.correct));
  if (clock.monotonic() >= end) {
    const state = world.correct.map((each) => `${each.id} at ${each.height}`).join(', ');
    witness.violated('Q13', `${HEALED_MS_MAX} ms after healing: ${state}; ${goal} was the goal`);
  }
  const virtualMs = clock.monotonic();
  if (witness.violations.length === 0) await settle(world);
  for (const machine of machines) machine.crash();
  const { delivered: _, ...weather } = hub.counts();
  const torn = [...world.disks.values()].reduce((sum, { tornBytes }) => sum + tornBytes, 0);
  return {
    seed,
    nodes: validators,
    events: transcript.events,
    hash: transcript.digest(),
    heights: witness.finals.size,
    transactions: witness.executed.size,
    virtualMs,
    faults: { ...weather, ...nemesis.counts, 'torn-bytes': torn },
    violations: witness.violations,
    tail: witness.violations.length === 0 ? [] : transcript.tail(),
  };
}

/** Everybody has the same, and nothing waits. */
function isQuiet(machines: readonly Machine[]): boolean {
  const heights = new Set(machines.map(({ height }) => height));
  return (
    heights.size === 1 &&
    machines.every(({ life }) => life !== undefined && !life.chain.mempool.hasPending)
  );
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
  async until(condition: () => boolean): Promise<void> {
    const { clock, witness } = this.#world;
    for (;;) {
      await this.#settled();
      if (witness.violations.length > 0 || condition()) return;
      if (!clock.advance()) throw new Error('invariant broken: nothing is ever going to happen');
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
