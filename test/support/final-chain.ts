/**
 * A chain that is only headers, anchors and votes: what finality proofs are made from in tests and vectors.
 *
 * Nothing here executes; the state roots are constants. Validators sign with the seeds they are given.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { assert } from '../../base/errors.ts';
import * as r from '../../receipt/index.ts';

export interface Voter extends r.Validator {
  readonly seed: Uint8Array;
}

export interface TestBlock {
  readonly time: number;
  readonly anchors: readonly r.AnchorLeaf[];
  readonly transactions: readonly Uint8Array[];
}

export interface TestChain {
  readonly network: string;
  readonly voters: readonly Voter[];
  readonly root: r.TrustRoot;
  /** By height; there is none at 0. */
  header(height: number): r.BlockHeader;
  headerBytes(height: number): Uint8Array;
  certificate(height: number, signers?: readonly number[], round?: number): Uint8Array;
  /** Of the anchor at `index` in block `height`; by the history of block `later` if given. */
  anchorProof(height: number, index: number, later?: number): r.AnchorProof;
  transactionProof(height: number, index: number): r.TransactionProof;
}

/** Validators in set order, named in that order. */
export function votersOf(powers: readonly bigint[], fill = 0xa0): Voter[] {
  const set = powers.map((power, i) => {
    const seed = new Uint8Array(32).fill(fill + i);
    return { seed, power, key: ed25519.getPublicKey(seed) };
  });
  return set.sort(r.compareValidators).map((voter, i) => ({ ...voter, name: `validator-${i}` }));
}

/** A block time bound of 2 s and a clock precision of 0.5 s, as genesis has by default (I7). */
export function trustRootFor(network: string, voters: readonly Voter[], height = 0): r.TrustRoot {
  const validators = voters.map(({ key, power, name }) => ({ key, power, name }));
  return { network, height, validators, maxDelayMs: 2_000, precisionMs: 500 };
}

/** All of a certificate's votes, by whoever is in `signers`. */
export function certify(
  { network, voters }: { network: string; voters: readonly Voter[] },
  block: { readonly height: number; readonly id: Uint8Array },
  signers: readonly number[] = voters.map((_, i) => i),
  round = 0,
): Uint8Array {
  const message = r.signedBytes('vote', network, r.precommitBytes(block.height, round, block.id));
  const signatures = signers.map((index) => {
    const voter = voters[index];
    assert(voter !== undefined, 'a signer is one of the voters');
    return { index, signature: ed25519.sign(message, voter.seed) };
  });
  return r.encodeCertificate({ round, signatures }, voters.length);
}

export function testChain(
  network: string,
  voters: readonly Voter[],
  blocks: readonly TestBlock[],
): TestChain {
  const headers: r.BlockHeader[] = [];
  const bytes: Uint8Array[] = [];
  const certificate: TestChain['certificate'] = (height, signers, round) =>
    certify({ network, voters }, { height, id: r.blockId(at(bytes, height)) }, signers, round);
  for (const [i, block] of blocks.entries()) {
    const header: r.BlockHeader = {
      height: i + 1,
      time: block.time,
      proposer: i % voters.length,
      validators: r.validatorsHash(voters),
      nextValidators: undefined,
      transactions: rootOver(r.TRANSACTIONS_TREE, block.transactions),
      anchors: rootOver(r.ANCHORS_TREE, block.anchors.map(r.encodeAnchorLeaf)),
      state: new Uint8Array(32).fill(i + 1),
      certificate: r.certificateHash(i === 0 ? new Uint8Array(0) : certificate(i)),
      history: rootOver(r.HISTORY_TREE, bytes.map(r.blockId)),
    };
    headers.push(header);
    bytes.push(r.encodeHeader(header));
  }
  const certified = (height: number) => ({
    header: at(bytes, height),
    certificate: certificate(height),
  });
  return {
    network,
    voters,
    root: trustRootFor(network, voters),
    header: (height) => at(headers, height),
    headerBytes: (height) => at(bytes, height),
    certificate,
    anchorProof(height, index, later) {
      const { anchors } = at(blocks, height);
      const anchor = at(anchors, index + 1);
      const contents = anchors.map(r.encodeAnchorLeaf);
      const place = { index, count: anchors.length, path: pathIn(r.ANCHORS_TREE, contents, index) };
      const roots = anchor.roots.filter(({ alg }) => alg !== 'blake3');
      const proof = { ...place, roots, keyIds: anchor.keyIds };
      if (later === undefined) return { ...certified(height), ...proof };
      const ids = bytes.slice(0, later - 1).map(r.blockId);
      const path = pathIn(r.HISTORY_TREE, ids, height - 1);
      return { ...certified(later), ...proof, history: { header: at(bytes, height), path } };
    },
    transactionProof(height, index) {
      const { transactions } = at(blocks, height);
      const path = pathIn(r.TRANSACTIONS_TREE, transactions, index);
      const place = { index, count: transactions.length, path };
      return { ...certified(height), ...place, transaction: at(transactions, index + 1) };
    },
  };
}

function rootOver(tree: r.LabelledTree, contents: readonly Uint8Array[]): Uint8Array {
  return tree.root(contents.map(tree.leaf));
}

function pathIn(tree: r.LabelledTree, contents: readonly Uint8Array[], index: number) {
  return tree.path(contents.map(tree.leaf), index);
}

/** Heights count from 1. */
function at<T>(list: readonly T[], height: number): T {
  const item = list[height - 1];
  assert(item !== undefined, 'the chain of the test has that');
  return item;
}
