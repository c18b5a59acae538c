// SPDX-License-Identifier: Apache-2.0
/**
 * Formats that outlive the node, and the verifier. Pure: no clock, disk, network or randomness.
 */
import type { Parsed, Refusal } from './refusal.ts';
import type {
  Checkpoint,
  Digest,
  DigestAlgorithm,
  FinalityProof,
  Genesis,
  Header,
  LeafRecord,
  Note,
  NoteSignature,
  Origin,
  Receipt,
  ReceiptRecord,
  Sha256Checkpoint,
  Signer,
  TreeAlgorithm,
  TrustPolicy,
  TrustRoot,
  TrustStore,
  VerificationKey,
  Verified,
} from './types.ts';

export { type Parsed, REFUSAL_CODES, type Refusal, type RefusalCode } from './refusal.ts';
export type {
  Checkpoint,
  Digest,
  DigestAlgorithm,
  FinalityProof,
  Genesis,
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
  TreeAlgorithm,
  TrustPolicy,
  TrustRoot,
  TrustStore,
  VerificationKey,
  Verified,
  VerifiedLevel,
} from './types.ts';

// Signatures first; the bodies follow file by file.
// record.ts
export declare const DIGEST_ALGORITHMS: readonly DigestAlgorithm[];
export declare const NOTARY_SCHEMA: 1;
export declare function digestBytes(algorithm: DigestAlgorithm): number;
export declare function multihashCode(algorithm: DigestAlgorithm): number;
export declare function encodeMultihash(value: Digest): Uint8Array;
export declare function decodeMultihash(bytes: Uint8Array): Parsed<Digest>;
export declare function encodeHeaders(headers: readonly Header[]): Uint8Array;
export declare function decodeHeaders(bytes: Uint8Array): Parsed<Header[]>;
export declare function hashHeaders(headers: readonly Header[]): Uint8Array | undefined;
export declare function encodeLeafRecord(record: LeafRecord): Uint8Array;
export declare function decodeLeafRecord(bytes: Uint8Array): Parsed<LeafRecord>;
export declare function leafRecordOf(record: ReceiptRecord): LeafRecord;
// merkle.ts
export interface TreeHash {
  readonly algorithm: TreeAlgorithm;
  leaf(record: Uint8Array): Uint8Array;
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  empty(): Uint8Array;
}
export declare function treeHash(algorithm: TreeAlgorithm): TreeHash;
export declare function rootOf(tree: TreeHash, leaves: readonly Uint8Array[]): Uint8Array;
export declare function inclusionPath(
  tree: TreeHash,
  leaves: readonly Uint8Array[],
  index: number,
): Uint8Array[];
export declare function consistencyPath(
  tree: TreeHash,
  leaves: readonly Uint8Array[],
  from: number,
): Uint8Array[];
export declare function rootFromInclusion(
  tree: TreeHash,
  proof: { index: number; size: number; leaf: Uint8Array; path: readonly Uint8Array[] },
): Uint8Array | undefined;
export declare function verifyInclusion(
  tree: TreeHash,
  proof: {
    index: number;
    size: number;
    leaf: Uint8Array;
    path: readonly Uint8Array[];
    root: Uint8Array;
  },
): boolean;
export declare function verifyConsistency(
  tree: TreeHash,
  proof: {
    from: number;
    to: number;
    fromRoot: Uint8Array;
    toRoot: Uint8Array;
    path: readonly Uint8Array[];
  },
): boolean;
// note.ts, checkpoint.ts
export declare function parseNote(text: string): Parsed<Note>;
export declare function formatNote(note: Note): string;
export declare function parseCheckpointBody(body: string): Parsed<Checkpoint>;
export declare function formatCheckpointBody(checkpoint: Checkpoint): string;
export declare function parseSha256Body(body: string): Parsed<Sha256Checkpoint>;
export declare function formatSha256Body(checkpoint: Sha256Checkpoint): string;
/** Makes a key from its parts; the private half stays with the caller. */
export declare function verificationKey(
  name: string,
  type: VerificationKey['type'],
  publicKey: Uint8Array,
): VerificationKey;
export declare function parseVerificationKey(text: string): Parsed<VerificationKey>;
export declare function formatVerificationKey(key: VerificationKey): string;
export declare function cosignatureMessage(body: string, timeSeconds: number): Uint8Array;
/** `sign` gets the exact bytes to sign and returns 64 bytes. */
export declare function cosign(
  body: string,
  key: VerificationKey,
  timeSeconds: number,
  sign: (message: Uint8Array) => Uint8Array,
): NoteSignature;
export declare function signLogNote(
  body: string,
  key: VerificationKey,
  sign: (message: Uint8Array) => Uint8Array,
): NoteSignature;
/** Signers among `keys`; unknown keys are ignored (C4). */
export declare function verifyNote(note: Note, keys: readonly VerificationKey[]): Parsed<Signer[]>;
export declare function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean;
/** Same origin and size, different roots (C7). */
export declare function isEquivocation(a: Checkpoint, b: Checkpoint): boolean;
// identity.ts
export declare function encodeGenesis(genesis: Genesis): Uint8Array;
export declare function decodeGenesis(bytes: Uint8Array): Parsed<Genesis>;
export declare function parseGenesisJson(text: string): Parsed<Genesis>;
export declare function formatGenesisJson(genesis: Genesis): string;
export declare function genesisHash(genesis: Genesis): Uint8Array;
export declare function networkId(genesis: Genesis): string;
export declare function parseOrigin(text: string): Parsed<Origin>;
export declare function formatOrigin(origin: Origin): string;
export declare function clusterScope(network: string, cluster: string): string;
export declare function replicaKeyName(network: string, cluster: string, node: string): string;
/** I1: 'network' and 'node', 'cluster' and 'log'. */
export declare function isName(kind: 'network' | 'node' | 'cluster' | 'log', text: string): boolean;
// receipt-cbor.ts, receipt-json.ts
export declare function encodeReceiptCbor(receipt: Receipt): Uint8Array;
export declare function decodeReceiptCbor(bytes: Uint8Array): Parsed<Receipt>;
/** The bytes of a `.pyr.json` file. */
export declare function encodeReceiptJson(receipt: Receipt): Uint8Array;
/** Strict (V3): bytes of a file. */
export declare function decodeReceiptJson(bytes: Uint8Array): Parsed<Receipt>;
/** The JSON value for an RPC answer. */
export declare function receiptToJson(receipt: Receipt): Record<string, unknown>;
/** The JSON value of an RPC parameter. */
export declare function receiptFromJson(value: unknown): Parsed<Receipt>;
// trust.ts
export declare function parseTrustStore(text: string): Parsed<TrustStore>;
export declare function formatTrustStore(store: TrustStore): string;
/** T3: the first rule a policy breaks. */
export declare function checkPolicy(policy: TrustPolicy): Refusal | undefined;
export declare function findPolicy(store: TrustStore, origin: string): TrustPolicy | undefined;
// verify.ts
/** V5 after parsing: `digest` is of the data, under `receipt.record.algorithm`. */
export declare function verifyReceipt(
  receipt: Receipt,
  digest: Uint8Array,
  trust: TrustStore,
): Verified | Refusal;
export declare function verifyFinality(
  proof: FinalityProof,
  trustRoot: TrustRoot | undefined,
): { readonly ok: true; readonly time: number } | Refusal;
