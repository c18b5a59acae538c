// SPDX-License-Identifier: Apache-2.0
/**
 * Formats that outlive the node, and the verifier.
 *
 * Everything here is a pure function over bytes: no clock, disk, network or
 * randomness, so a receipt is verified offline, in a browser, without trusting or
 * even running a node. Input from strangers gives a value, `{ ok: true, … }` or a
 * {@link Refusal} with a closed code; only encoders throw, for values that no
 * reader would accept.
 *
 * ```ts
 * const receipt = decodeReceiptJson(await readFile('report.pdf.pyr.json'));
 * if (!receipt.ok) return refused(receipt);
 * const digest = await hashFile('report.pdf', receipt.value.record.algorithm);
 * const verdict = verifyReceipt(receipt.value, digest, trustStore);
 * if (verdict.ok && verdict.level === 'final') show(`existed no later than ${verdict.final?.noLaterThan}`);
 * ```
 */
export { type Canonical, decodeCanonical, encodeCanonical, isHash } from './cbor.ts';
export {
  type Certificate,
  type CertificateVerified,
  type Certified,
  type CommitSignature,
  decodeCertificate,
  encodeCertificate,
  precommitBytes,
  VOTE_DOMAIN,
  verifyCertificate,
} from './certificate.ts';
export {
  formatCheckpointBody,
  formatSha256Body,
  isEquivocation,
  parseCheckpoint,
  parseCheckpointBody,
  parseSha256Body,
  type SignedCheckpoint,
} from './checkpoint.ts';
export {
  cosign,
  cosignatureMessage,
  type SignFunction,
  signLogNote,
  verifyNote,
} from './cosignature.ts';
export { isPublicKey, verifyEd25519 } from './ed25519.ts';
export {
  type FinalityVerified,
  type TransactionVerified,
  verifyFinality,
  verifyTransactionProof,
} from './finality.ts';
export {
  type AnchorProof,
  type CertifiedHeader,
  decodeAnchorProof,
  decodeTransactionProof,
  encodeAnchorProof,
  encodeTransactionProof,
  type HistoryPath,
  type PathInBlock,
  SCHEME,
  type TransactionProof,
} from './finality-proof.ts';
export {
  decodeGenesis,
  encodeGenesis,
  formatGenesisJson,
  genesisHash,
  networkId,
  parseGenesisJson,
  trustRootOf,
} from './genesis.ts';
export { accountsProblem, chainProblem, DEFAULT_PARAMETERS } from './genesis-chain.ts';
export {
  blockId,
  certificateHash,
  decodeHeader,
  encodeAnchorLeaf,
  encodeHeader,
  ROOT_CODES,
} from './header.ts';
export {
  decodeHeaders,
  encodeHeaders,
  HEADERS_BYTES_MAX,
  HEADERS_MAX,
  hashHeaders,
} from './headers.ts';
export {
  clusterScope,
  clusterScopeOf,
  formatOrigin,
  isName,
  isNetworkId,
  parseOrigin,
  replicaKeyName,
} from './identity.ts';
export { formatVerificationKey, parseVerificationKey, verificationKey } from './keys.ts';
export {
  ANCHORS_TREE,
  HISTORY_TREE,
  type LabelledInclusion,
  type LabelledTree,
  labelHash,
  labelledTree,
  TRANSACTIONS_TREE,
} from './labelled-tree.ts';
export {
  type ConsistencyProof,
  consistencyPath,
  type InclusionProof,
  inclusionPath,
  rootFromInclusion,
  rootOf,
  TREE_KEYS,
  type TreeHash,
  treeHash,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
export {
  DIGEST_ALGORITHMS,
  decodeMultihash,
  digestBytes,
  encodeMultihash,
  isDigestAlgorithm,
  multihashCode,
} from './multihash.ts';
export { formatNote, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, parseNote } from './note.ts';
export { RECEIPT_BYTES_MAX, RECEIPT_VERSION } from './receipt.ts';
export { decodeReceiptCbor, encodeReceiptCbor } from './receipt-cbor.ts';
export {
  decodeReceiptJson,
  encodeReceiptJson,
  receiptFromJson,
  receiptToJson,
} from './receipt-json.ts';
export {
  decodeLeafRecord,
  encodeLeafRecord,
  FIRST_SCHEMA,
  LEAF_RECORD_BYTES,
  leafRecordOf,
  NOTARY_SCHEMA,
} from './record.ts';
export { type Parsed, REFUSAL_CODES, type Refusal, type RefusalCode } from './refusal.ts';
export { signedBytes } from './signed-bytes.ts';
export {
  STATE_EMPTY_ROOT,
  type StateVerdict,
  stateBit,
  stateLeafHash,
  stateNodeHash,
  statePath,
  stateValueHash,
  verifyStateProof,
} from './state-proof.ts';
export {
  checkPolicy,
  coversLiars,
  findChain,
  findPolicy,
  formatTrustStore,
  parseTrustStore,
} from './trust.ts';
export type {
  AnchoredRoot,
  AnchorLeaf,
  BlockHeader,
  BlockSigner,
  ChainParameters,
  Checkpoint,
  Digest,
  DigestAlgorithm,
  Finality,
  FinalityProof,
  Genesis,
  GenesisAccount,
  GenesisChain,
  GenesisValidator,
  Header,
  Inclusion,
  LeafRecord,
  Note,
  NoteSignature,
  Origin,
  Receipt,
  ReceiptRecord,
  RecordPosition,
  Sha256Checkpoint,
  Signer,
  TimeBounds,
  TreeAlgorithm,
  TrustPolicy,
  TrustRoot,
  TrustStore,
  Validator,
  VerificationKey,
  Verified,
  VerifiedByChain,
  VerifiedByPolicy,
  VerifiedLevel,
} from './types.ts';
export {
  compareValidators,
  isQuorum,
  totalPower,
  VALIDATORS_MAX,
  validatorsHash,
  validatorsProblem,
} from './validators.ts';
export { verifyReceipt } from './verify.ts';
