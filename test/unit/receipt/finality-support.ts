/** The log of `support.ts`, anchored on a chain of six blocks: its checkpoint stands second of three in block 3. */
import * as r from '../../../receipt/index.ts';
import {
  type TestChain,
  testChain,
  trustRootFor,
  type Voter,
  votersOf,
} from '../../support/final-chain.ts';
import { NETWORK, policy, receiptOf, replica, SCOPE, unwrap } from './support.ts';

export const BLOCK_TIME = 1790000003500;
/** F6, with the bounds of {@link trustRootFor}. */
export const NO_LATER_THAN = BLOCK_TIME + 2_000 + 500;

export const RECEIPT = receiptOf();
export const CHECKPOINT = unwrap(r.parseCheckpoint(RECEIPT.checkpoint)).checkpoint;
export const VOTERS = votersOf([1n, 1n, 1n, 1n]);
export const CHAIN = anchoring(VOTERS);
export const ONE = r.encodeAnchorProof(CHAIN.anchorProof(3, 1));
export const TWO = r.encodeAnchorProof(CHAIN.anchorProof(3, 1, 6));
/** The chain and nothing else: F8. */
export const BY_CHAIN: r.TrustStore = { policies: [], chains: [CHAIN.root] };
export const BY_POLICY: r.TrustStore = { policies: [policy(1, 1)], chains: [CHAIN.root] };

/** Any chain that anchors {@link RECEIPT}'s checkpoint. */
export function anchoring(voters: readonly Voter[], network = NETWORK): TestChain {
  const keyIds = [Uint8Array.from(Buffer.from(replica(0).key.keyId, 'hex'))];
  const leaf = (origin: string, root: Uint8Array): r.AnchorLeaf => ({
    origin,
    size: CHECKPOINT.size,
    roots: [{ alg: 'blake3', root }],
    keyIds,
  });
  const anchors = [
    leaf(`${SCOPE}/notary/7`, CHECKPOINT.root),
    leaf(CHECKPOINT.origin, CHECKPOINT.root),
    leaf(`${SCOPE}/notary/8`, new Uint8Array(32).fill(8)),
  ];
  const blocks = [1, 2, 3, 4, 5, 6].map((height) => ({
    time: BLOCK_TIME + 500 * (height - 3),
    anchors: height === 3 ? anchors : [],
    transactions: [Uint8Array.of(height)],
  }));
  return testChain(network, voters, blocks);
}

export function withFinality(...finality: r.FinalityProof[]): r.Receipt {
  return { ...RECEIPT, finality };
}

export function laterRoot(height: number): r.TrustRoot {
  return trustRootFor(NETWORK, VOTERS, height);
}
