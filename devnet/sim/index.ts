/**
 * The simulator: networks of the hosts that nodes run, on virtual time, under faults that a seed draws (docs/spec/sim.md).
 *
 * ```ts
 * const { failed, faults } = await runBatch({ seed: 1, runs: 200, workers: 2 });
 * const { hash, violations, tail } = await simulate({ seed: 7 });
 * ```
 *
 * `simulate.ts` is one run from beginning to end; `node-machine.ts` a node, `nemesis.ts` what breaks, `byzantine.ts` who lies,
 * `witness.ts`, `settlement.ts` and `replay.ts` what is checked.
 */
export { runBatch } from './batch.ts';
export { LIES, type Lie } from './byzantine.ts';
export { type SimReport, simulate } from './simulate.ts';
