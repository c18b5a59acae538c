// SPDX-License-Identifier: Apache-2.0
/**
 * Finality: evidence from a chain that a checkpoint is final (V7).
 *
 * The place is kept, the schemes are not there yet. Until then a receipt that
 * carries such a proof is refused: to skip what cannot be checked would show a
 * reader less than its maker claimed, without saying so.
 */
import { type Refusal, refuse } from './refusal.ts';
import type { FinalityProof, TrustRoot } from './types.ts';

/** What a finality proof proved. */
export interface FinalityVerified {
  readonly ok: true;
  /** Unix milliseconds of the block. */
  readonly time: number;
}

/** Checks a proof against a pinned chain; refuses every scheme of this version (V7). */
export function verifyFinality(
  proof: FinalityProof,
  trustRoot: TrustRoot,
): FinalityVerified | Refusal {
  return refuse(
    'receipt/finality-unknown',
    `finality: ${proof.kind} scheme ${proof.scheme} for network ${trustRoot.network} is not known to this version; update pyralog`,
  );
}
