import type { Planner } from './plan.ts';

/** X8: changes nothing but nonce and balance; its place in the block is the proof (F7). */
export const planNotarization: Planner<'notarize'> = ({ sender }) => ({ ok: true, payer: sender });
