// SPDX-License-Identifier: Apache-2.0
/**
 * Finality: evidence that a chain holds a checkpoint or a transaction (F1–F7).
 *
 * A chain of hashes and one set of signatures: the leaf, rebuilt here and never taken
 * from the proof, leads to a root in a header; the header's hash is what more than two
 * thirds of the pinned validators signed. Hashes are looked at first: who sends
 * rubbish does not get us to check signatures.
 */
import { equalBytes, toHex } from '../base/bytes.ts';
import { type CertificateVerified, verifyCertificate } from './certificate.ts';
import {
  type AnchorProof,
  type CertifiedHeader,
  decodeAnchorProof,
  decodeTransactionProof,
  type HistoryPath,
  SCHEME,
} from './finality-proof.ts';
import { blockId, decodeHeader, encodeAnchorLeaf } from './header.ts';
import { parseOrigin } from './identity.ts';
import { ANCHORS_TREE, HISTORY_TREE, TRANSACTIONS_TREE } from './labelled-tree.ts';
import { accept, type Parsed, type Refusal, refuse } from './refusal.ts';
import type {
  BlockHeader,
  BlockSigner,
  Checkpoint,
  Finality,
  FinalityProof,
  TrustRoot,
} from './types.ts';
import { validatorsHash } from './validators.ts';

/** What a proof of a log's checkpoint proved (F4, F5). */
export interface FinalityVerified extends Finality {
  readonly ok: true;
}

/** What a proof of a transaction proved (F7); its place in the block is no part of it (F11). */
export interface TransactionVerified extends Omit<Finality, 'keyIds'> {
  readonly ok: true;
  /** The transaction's bytes (X1): that it executed follows from the block, not from its signature. */
  readonly transaction: Uint8Array;
}

/**
 * Checks a proof that the chain anchored this checkpoint (F4–F6).
 *
 * @param checkpoint the receipt's own, whose root the record was shown to lie under
 * @param root the pinned chain of the checkpoint's network
 */
export function verifyFinality(
  proof: FinalityProof,
  checkpoint: Checkpoint,
  root: TrustRoot,
): FinalityVerified | Refusal {
  const scheme = knownScheme(proof);
  if (!scheme.ok) return scheme;
  const origin = parseOrigin(checkpoint.origin);
  if (!origin.ok) return origin;
  if (origin.value.network !== root.network) return unknownChain(origin.value.network);
  const anchor = decodeAnchorProof(proof.proof, scheme.value);
  if (!anchor.ok) return anchor;
  const certified = certifiedHeader(anchor.value, root);
  if (!certified.ok) return certified;
  const anchored = anchoredHeader(certified.value, anchor.value.history);
  if (!anchored.ok) return anchored;
  if (!holdsAnchor(anchored.value, anchor.value, checkpoint)) return notAnchored(checkpoint);
  const certificate = certificateOf(certified.value, anchor.value, root);
  if (!certificate.ok) return certificate;
  const keyIds = anchor.value.keyIds.map(toHex);
  const headers = { certified: certified.value, anchored: anchored.value };
  return { ok: true, ...finalityOf(scheme.value, headers, certificate.value, root), keyIds };
}

/** Checks a proof that a block holds a transaction (F7). */
export function verifyTransactionProof(
  bytes: Uint8Array,
  root: TrustRoot,
): TransactionVerified | Refusal {
  const proof = decodeTransactionProof(bytes);
  if (!proof.ok) return proof;
  const header = certifiedHeader(proof.value, root);
  if (!header.ok) return header;
  const { count: size, index, path, transaction } = proof.value;
  const leaf = TRANSACTIONS_TREE.leaf(transaction);
  if (!TRANSACTIONS_TREE.verify({ index, size, leaf, path, root: header.value.transactions })) {
    return refuse(
      'receipt/not-in-block',
      `block ${header.value.height} does not hold the transaction at ${index} of ${size}`,
    );
  }
  const certificate = certificateOf(header.value, proof.value, root);
  if (!certificate.ok) return certificate;
  const headers = { certified: header.value, anchored: header.value };
  return {
    ok: true,
    ...finalityOf(SCHEME.transaction, headers, certificate.value, root),
    transaction,
  };
}

type KnownScheme = typeof SCHEME.anchored | typeof SCHEME.byHistory;

/** V7: refuses what this version cannot check in a receipt, whatever is pinned. */
export function knownScheme({ kind, scheme }: FinalityProof): Parsed<KnownScheme> {
  const known = [SCHEME.anchored, SCHEME.byHistory].find((one) => one === scheme);
  if (kind === 'pos' && known !== undefined) return accept(known);
  return refuse(
    'receipt/finality-unknown',
    `finality: ${kind} scheme ${scheme} is not known to this version as proof of a log; update pyralog`,
  );
}

/** The header the certificate is of, as far as F2 and F3 go without it. */
function certifiedHeader(proof: CertifiedHeader, root: TrustRoot): Parsed<BlockHeader> {
  const header = decodeHeader(proof.header);
  if (!header.ok) return header;
  const { height, validators } = header.value;
  if (height < root.height) {
    return refuse(
      'receipt/before-trust-root',
      `the certificate is of block ${height}, the pinned trust root is of ${root.height}: prove the block by its place in the history of a later one (upgrade the receipt)`,
    );
  }
  if (equalBytes(validators, validatorsHash(root.validators))) return header;
  return refuse(
    'receipt/wrong-validators',
    `block ${height} is of other validators than the ${root.validators.length} pinned for ${root.network}`,
  );
}

/** F2: last, because signatures cost most. */
function certificateOf(
  { height }: BlockHeader,
  proof: CertifiedHeader,
  { network, validators }: TrustRoot,
): Parsed<CertificateVerified> {
  const id = blockId(proof.header);
  return verifyCertificate({ network, validators, height, id }, proof.certificate);
}

/** F5: the certified header itself, or one before it by its place in the history. */
function anchoredHeader(
  certified: BlockHeader,
  history: HistoryPath | undefined,
): Parsed<BlockHeader> {
  if (history === undefined) return accept(certified);
  const anchored = decodeHeader(history.header);
  if (!anchored.ok) return anchored;
  const [index, size] = [anchored.value.height - 1, certified.height - 1];
  const leaf = HISTORY_TREE.leaf(blockId(history.header));
  return HISTORY_TREE.verify({ index, size, leaf, path: history.path, root: certified.history })
    ? anchored
    : refuse(
        'receipt/not-in-history',
        `block ${anchored.value.height} is not in the history of block ${certified.height}`,
      );
}

/** F4: the leaf is the receipt's own checkpoint, so that what the record lies under is what is final. */
function holdsAnchor(header: BlockHeader, proof: AnchorProof, checkpoint: Checkpoint): boolean {
  const { origin, size, root, sha256Root } = checkpoint;
  const [second] = proof.roots;
  const sameSecond =
    second === undefined || sha256Root === undefined
      ? second === sha256Root
      : equalBytes(second.root, sha256Root);
  if (!sameSecond) return false;
  const roots = [{ alg: 'blake3', root } as const, ...proof.roots];
  const leaf = ANCHORS_TREE.leaf(encodeAnchorLeaf({ origin, size, roots, keyIds: proof.keyIds }));
  const { index, count, path } = proof;
  return ANCHORS_TREE.verify({ index, size: count, leaf, path, root: header.anchors });
}

/** F6. */
function finalityOf(
  scheme: number,
  { certified, anchored }: { certified: BlockHeader; anchored: BlockHeader },
  certificate: CertificateVerified,
  root: TrustRoot,
): Omit<Finality, 'keyIds'> {
  const signers = certificate.signers.flatMap((index): BlockSigner[] => {
    const validator = root.validators[index];
    if (validator === undefined) return [];
    const { name, key, power } = validator;
    return [{ name, key: toHex(key), power }];
  });
  return {
    network: root.network,
    scheme,
    height: anchored.height,
    time: anchored.time,
    noLaterThan: anchored.time + root.maxDelayMs + root.precisionMs,
    certifiedHeight: certified.height,
    round: certificate.round,
    signers,
    validators: root.validators.length,
    power: certificate.power,
    totalPower: certificate.total,
  };
}

/** No chain of this network is pinned (F1). */
export function unknownChain(network: string): Refusal {
  return refuse(
    'receipt/unknown-chain',
    `the receipt says it is final, and no chain of network ${network} is pinned to check that`,
  );
}

function notAnchored({ origin, size }: Checkpoint): Refusal {
  return refuse(
    'receipt/not-anchored',
    `the path does not lead from the checkpoint of ${origin} at ${size} records to the anchors of the block`,
  );
}
