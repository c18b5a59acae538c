/**
 * The simulator: networks of the hosts that nodes run, on virtual time, under faults that a seed draws (docs/spec/sim.md).
 *
 * ```ts
 * const { failed, faults } = await runBatch({ seed: 1, runs: 200, workers: 2 });
 * const { hash, violations, tail } = await simulate({ seed: 7 });
 * ```
 *
 * `simulate.ts` is one run from beginning to end; `machine.ts` a node, `nemesis.ts` what breaks, `byzantine.ts` who lies,
 * `witness.ts`, `settlement.ts` and `replay.ts` what is checked.
 */
export { type BatchOptions, type BatchReport, runBatch } from './batch.ts';
export { LIES, type Lie } from './byzantine.ts';
export { FAULTS, type FaultKind } from './nemesis.ts';
export { type SimOptions, type SimReport, simulate } from './simulate.ts';
export type { Violation } from './witness.ts';
