import type { FinalityEvidence } from '../engine.ts';
import type { AnchorCheckpoint } from './types.ts';

/** An anchor as it goes to the chain. */
export interface AnchorTransaction {
  readonly checkpoint: AnchorCheckpoint;
  /** Records of the log's last anchor; 0 for its first. */
  readonly from: number;
  /** For each of the checkpoint's roots, in order, the path that shows that it extends the anchored one (merkle.md M4). */
  readonly consistency: readonly (readonly Uint8Array[])[];
}

/** Where an anchor stands for good. */
export interface AnchorBlock {
  readonly height: number;
  readonly evidence: FinalityEvidence;
}

/** An anchor that is final on the chain. */
export interface Anchored extends AnchorBlock {
  readonly checkpoint: AnchorCheckpoint;
}

/** The chain as the anchor sees it. */
export interface AnchorChain {
  /**
   * Resolves once final. Sending the same anchor again gives the same answer, because a caller that lost the first one
   * will (A4). Rejects with `consensus/anchor-refused` otherwise, with what the chain holds in `data.anchoredSize` when
   * `from` is not that, and with anything at all when the chain is not there.
   */
  submit(transaction: AnchorTransaction): Promise<AnchorBlock>;
  /** The log's last final anchor. */
  last(origin: string): Promise<AnchorCheckpoint | undefined>;
  /** The log's first final anchor that covers so many records (A5). */
  covering(origin: string, size: number): Promise<Anchored | undefined>;
}
