// SPDX-License-Identifier: Apache-2.0
/**
 * The values that outlive a node: records, checkpoints, receipts, pinned trust.
 *
 * Fields are checked where bytes become values (the parsers) and where values
 * become bytes (the encoders); in between a value of these types may be passed
 * around freely. 64-bit ids are `bigint`; times, sizes and offsets are numbers
 * because the formats bound them by 2^53 − 1 (L2, C1).
 */

/** Hashes a client may submit (L4). */
export type DigestAlgorithm = 'sha256' | 'sha512' | 'blake3';

/** Hashes a log may build its tree with (M2, M3). */
export type TreeAlgorithm = 'blake3' | 'sha256';

/** The hash of somebody's data: 32 bytes for `sha256` and `blake3`, 64 for `sha512` (L4). */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
}

/** What the log says about a record, apart from its content (L1). */
export interface RecordPosition {
  /** Unix milliseconds, claimed by the log's leader. */
  readonly timestamp: number;
  readonly scarabId: bigint;
  /** Index of the leaf in its partition. */
  readonly offset: number;
  /** Raft term that activated the record; at least 1. */
  readonly epoch: number;
  /** 0 = opaque bytes, 1 = notary value. */
  readonly schemaId: number;
  /** BLAKE3 of the key; absent when the record has none, never 32 zero bytes. */
  readonly keyHash?: Uint8Array;
  /** BLAKE3 of the encoded headers; absent when there are none, never 32 zero bytes. */
  readonly headersHash?: Uint8Array;
}

/** What a leaf of the tree commits to (L1). */
export interface LeafRecord extends RecordPosition {
  /** BLAKE3 of the value. */
  readonly valueHash: Uint8Array;
}

/** A notary record (schema 1) as a receipt carries it: the value itself, not its hash. */
export interface ReceiptRecord extends RecordPosition, Digest {}

/** One name and value beside a record (L3). */
export interface Header {
  readonly name: string;
  readonly value: Uint8Array;
}

/** Where a leaf stands under a root: hashes of 32 bytes, leaf side first (M4). */
export interface Inclusion {
  /** Records in the tree the path leads to. */
  readonly size: number;
  readonly path: readonly Uint8Array[];
}

/** Evidence that a chain made a checkpoint final (F4, F5, V7). */
export type FinalityProof =
  | { readonly kind: 'pos'; readonly scheme: number; readonly proof: Uint8Array }
  | { readonly kind: 'pow'; readonly scheme: number; readonly proof: Uint8Array };

/** Who votes on blocks, and with what weight (P1). */
export interface Validator {
  /** 32 bytes, Ed25519 vote key. */
  readonly key: Uint8Array;
  /** At least 1. */
  readonly power: bigint;
  /** I1, as a node's. */
  readonly name: string;
}

/** How far a block's time may lie from the clocks of those who vote for it (P25). */
export interface TimeBounds {
  readonly maxDelayMs: number;
  readonly precisionMs: number;
}

/** A pinned chain: what finality proofs are checked against (F1). */
export interface TrustRoot extends TimeBounds {
  /** Network id (I3) the root belongs to. */
  readonly network: string;
  /** Certificates count from here on (F3); 0 for a root that follows from the genesis document. */
  readonly height: number;
  /** In set order (P1). */
  readonly validators: readonly Validator[];
}

/** What a block commits to (X10). */
export interface BlockHeader {
  /** From 1. */
  readonly height: number;
  /** Unix milliseconds; strictly increasing. */
  readonly time: number;
  /** Index of the validator that first proposed the block, in set order. */
  readonly proposer: number;
  /** Hash of the validator set, 32 bytes as all hashes here. */
  readonly validators: Uint8Array;
  /** Of the next height's set; `undefined` when it is the same. */
  readonly nextValidators: Uint8Array | undefined;
  /** Root over the transactions. */
  readonly transactions: Uint8Array;
  /** Root over the anchors that executed. */
  readonly anchors: Uint8Array;
  /** State root behind this block. */
  readonly state: Uint8Array;
  /** Hash of the previous block's certificate. */
  readonly certificate: Uint8Array;
  /** Root over the ids of all earlier headers. */
  readonly history: Uint8Array;
}

/** What a block says of one anchor that executed (X10). */
export interface AnchorLeaf {
  readonly origin: string;
  readonly size: number;
  readonly roots: readonly AnchoredRoot[];
  /** Key ids whose signatures counted, 4 bytes each, ascending. */
  readonly keyIds: readonly Uint8Array[];
}

/** A log's root under one of its trees (M2, M3). */
export interface AnchoredRoot {
  readonly alg: TreeAlgorithm;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** One file that proves that a record existed, where and when (V1, V2). */
export interface Receipt {
  /** Log partition (I4). */
  readonly origin: string;
  readonly record: ReceiptRecord;
  /** Present exactly when `checkpoint` is. */
  readonly inclusion?: Inclusion;
  /** Text of the signed note (C1–C4). */
  readonly checkpoint?: string;
  /** Absent while there are none; never empty. */
  readonly finality?: readonly FinalityProof[];
}

/** "Partition `origin` had `size` records and this root" (C1). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes, BLAKE3 tree. */
  readonly root: Uint8Array;
  readonly epoch: number;
  /** Unix milliseconds, claimed by the log. */
  readonly time: number;
  /** Root of the SHA-256 tree, 32 bytes, when the log keeps one (M3). */
  readonly sha256Root?: Uint8Array;
}

/** The three lines of the SHA-256 tree's note (C8). */
export interface Sha256Checkpoint {
  /** Ends in `/sha256` (I4). */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** A public key under a name: `0x04` cosigns checkpoints (C3), `0x01` signs the SHA-256 note (C8). */
export interface VerificationKey {
  readonly name: string;
  readonly type: 'cosignature' | 'log';
  /** First four bytes of SHA-256 over name, type and key; 8 hex digits. */
  readonly keyId: string;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

/** One signature line of a note, not yet believed (C2). */
export interface NoteSignature {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

/** A note in its two halves: text that is signed, and signatures (C2). */
export interface Note {
  /** Lines up to the blank one, each with its LF: the bytes that signatures cover. */
  readonly body: string;
  readonly signatures: readonly NoteSignature[];
}

/** A replica whose signature verified. */
export interface Signer {
  readonly name: string;
  readonly keyId: string;
  /** Unix seconds the replica put beside its signature; 0 for a `log` key, which states none. */
  readonly timeSeconds: number;
}

/** Whose signatures count for a cluster or a log (T1–T3). */
export interface TrustPolicy {
  /** Cluster scope or origin (I4). */
  readonly scope: string;
  readonly keys: readonly VerificationKey[];
  /** Signatures of different keys that are needed: k. */
  readonly threshold: number;
  /** Replicas that may lie: f; 0 = crashes only. */
  readonly faults: number;
}

/** Everything a verifier believes in (T1, T5). */
export interface TrustStore {
  readonly policies: readonly TrustPolicy[];
  /** One per network. */
  readonly chains?: readonly TrustRoot[];
}

/** A network's birth certificate (I2). */
export interface Genesis {
  readonly network: string;
  /** Unix milliseconds. */
  readonly time: number;
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** Absent in a network without a chain, whose receipts stay at `checkpoint`. */
  readonly chain?: GenesisChain;
}

/** How a network's chain starts (I7). */
export interface GenesisChain {
  readonly engine: 'pos';
  /** In set order (P1). */
  readonly validators: readonly GenesisValidator[];
  /** Sorted by key. */
  readonly accounts: readonly GenesisAccount[];
  readonly parameters: ChainParameters;
}

export interface GenesisValidator extends Validator {
  /** 32 bytes: the account that fees of its blocks go to. */
  readonly account: Uint8Array;
}

export interface GenesisAccount {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** At least 1. */
  readonly balance: bigint;
}

/** What all nodes of a chain must agree on (I7). */
export interface ChainParameters extends TimeBounds {
  readonly blockBytesMax: number;
  /** Fee of a transaction: base and per byte (X3). */
  readonly feeBase: bigint;
  readonly feePerByte: bigint;
}

/** A parsed origin (I4). */
export interface Origin {
  /** Network id (I3). */
  readonly network: string;
  readonly cluster: string;
  readonly log: string;
  readonly partition: number;
  readonly sha256: boolean;
}

/** Levels a stranger can check; those below have no signature. */
export type VerifiedLevel = 'checkpoint' | 'witnessed' | 'final';

/** A validator whose vote for the block verified. */
export interface BlockSigner {
  /** As the trust root names it. */
  readonly name: string;
  /** Vote key, 64 hex digits. */
  readonly key: string;
  readonly power: bigint;
}

/** What a chain proved about a checkpoint (F2–F6). */
export interface Finality {
  readonly network: string;
  /** 1 = anchored, 2 = by history, 3 = transaction. */
  readonly scheme: number;
  /** Of the block that holds it. */
  readonly height: number;
  /** Unix milliseconds of that block. */
  readonly time: number;
  /** T2, Unix milliseconds: it existed no later (F6). */
  readonly noLaterThan: number;
  /** Of the block that the certificate is of; above `height` when proved by history. */
  readonly certifiedHeight: number;
  readonly round: number;
  /** In set order. */
  readonly signers: readonly BlockSigner[];
  /** n, validators of the trust root. */
  readonly validators: number;
  /** Of the signers. */
  readonly power: bigint;
  readonly totalPower: bigint;
  /** Ids of the replicas' keys whose signatures the chain counted, 8 hex digits each. */
  readonly keyIds: readonly string[];
}

/** What a receipt proved (V6). */
export type Verified = VerifiedByPolicy | VerifiedByChain;

/** What every verdict says. */
interface VerifiedRecord {
  readonly ok: true;
  readonly level: VerifiedLevel;
  readonly origin: string;
  readonly offset: number;
  readonly scarabId: bigint;
  /** Records in the log under the checkpoint's root. */
  readonly size: number;
}

/** Pinned replica keys signed the checkpoint (V5). */
export interface VerifiedByPolicy extends VerifiedRecord {
  readonly basis: 'policy';
  /** Unix milliseconds of the checkpoint, claimed by the log: the data existed no later. */
  readonly claimedTime: number;
  readonly signers: readonly Signer[];
  /** k, signatures that were needed. */
  readonly threshold: number;
  /** n, keys of the policy. */
  readonly keys: number;
  /** Whether k covers lying replicas (2k > n + f, f > 0), or crashes only. */
  readonly coversLiars: boolean;
  /** Scope of the policy that applied. */
  readonly scope: string;
  /** Present exactly when the level is `final`. */
  readonly final?: Finality;
}

/**
 * No policy covers the log, but the pinned chain anchored its checkpoint (F8). What only the replicas' signatures
 * would show, such as the time the log claims, is not part of the verdict.
 */
export interface VerifiedByChain extends VerifiedRecord {
  readonly basis: 'chain';
  readonly level: 'final';
  readonly final: Finality;
}
