/**
 * What the native BFT core looks like from TypeScript: a pure step function (docs/spec/pos.md P1 … P13). It has no
 * disk, no clock, no network and no secret key; the host has all four.
 *
 * Heights are 1 to 2^53 − 1, rounds 0 to 2^31 − 1; keys and ids have 32 bytes, signatures 64.
 */

/** Codes of errors that the core throws. All of them are bugs of the host, damage, or a halt; never a peer's fault. */
export type BftErrorCode =
  /** `step` or `replay` while a signature is awaited; the core is unchanged. */
  | 'bft/suspended'
  /** `resume` while nothing is to be signed; the core is unchanged. */
  | 'bft/not-suspended'
  /** The signature given to `resume` is not ours over the request; the core still waits for one. */
  | 'bft/signature'
  /** No validators, too many, no power, two with one key, a key that cannot verify, or more than 2^60 in all (P1). */
  | 'bft/validators'
  /** A number or length out of its range. */
  | 'bft/argument'
  /** An entry given to `replay` that this core never wrote, or that is of another height; the core is unchanged. */
  | 'bft/wal-corrupt'
  /** Replay derived another vote than the log holds: going on would sign twice. The core has halted. */
  | 'bft/replay-divergence'
  /** The core broke an invariant of its own earlier, or now; only a new core (with replay) helps. */
  | 'bft/halted'
  /** The core was closed. */
  | 'bft/closed';

/** A validator: its Ed25519 vote key, which is its address too, and its power (at least 1). */
export interface BftValidator {
  readonly key: Uint8Array;
  readonly power: bigint;
}

export interface BftOptions {
  /** Network id (identity.md), part of every signed byte string. */
  readonly network: string;
  /** Any order; the core sorts them (P1). Until the first `start-height`. */
  readonly validators: readonly BftValidator[];
  /** Until the first `start-height`; messages of the next few heights are kept for them. */
  readonly height: number;
  /** Our vote key. Absent: an observer, which follows and never signs. A key outside the set observes as well. */
  readonly self?: Uint8Array;
}

/**
 * A timer of the host. It is named by all three fields. `rebroadcast` is scheduled again and again: scheduling a
 * timer that runs restarts it.
 */
export interface BftTimeout {
  readonly step: 'propose' | 'prevote' | 'precommit' | 'rebroadcast';
  readonly height: number;
  readonly round: number;
}

/** The beginning of a height. */
export interface BftHeight {
  readonly height: number;
  readonly validators: readonly BftValidator[];
}

export type BftInput =
  /**
   * Begins a height, whatever became of the one before: after `finalize`, or because the block came by sync.
   * `restart`: messages kept for this height are dropped.
   */
  | (BftHeight & { readonly kind: 'start-height'; readonly restart?: boolean })
  /**
   * From a peer: vote, proposal, polka or round certificate (P5). Any bytes; never throws. A vote or proposal that is
   * not `refused` is verified, so it may be passed on; a certificate may be a repetition that nobody looked at.
   */
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** Our own value, the answer to `get-value`. Its body is durable. Ignored when that round is over. */
  | {
      readonly kind: 'propose';
      readonly height: number;
      readonly round: number;
      readonly id: Uint8Array;
    }
  /**
   * The body of a proposed value is here, durable, and judged. `round` and `validRound` (−1: none) are those of the
   * proposal it came with; `proposer` too. May come before or after the proposal.
   */
  | {
      readonly kind: 'value';
      readonly height: number;
      readonly round: number;
      readonly validRound: number;
      readonly proposer: Uint8Array;
      readonly id: Uint8Array;
      readonly valid: boolean;
    }
  /** A timer ran out. One of another height or round is ignored. */
  | { readonly kind: 'timeout'; readonly timeout: BftTimeout };

/** Why a message was not taken. */
export type BftRefusal =
  /** Not one of the wire messages in its one encoding (P5). The sender's fault. */
  | 'malformed'
  /** A signature does not verify. The sender's fault. */
  | 'bad-signature'
  /** Signed by a key that is not in the set. The sender's fault, unless it is of a later height than ours. */
  | 'unknown-validator'
  /** A proposal by a validator whose turn it is not (P3). The sender's fault. */
  | 'not-proposer'
  /** A certificate that proves nothing: power, duplicate, vote type (P7). The sender's fault. */
  | 'bad-certificate'
  /** Of a height that is over. Nobody's fault. */
  | 'stale'
  /** Of a height or round too far ahead to keep (P8). Nobody's fault; are we behind? */
  | 'ahead';

/** Two signed wire messages of one validator that contradict each other. */
export interface BftEvidence {
  readonly validator: Uint8Array;
  readonly kind: 'prevote' | 'precommit' | 'proposal';
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

/** What the host must do, in this order. */
export type BftEffect =
  | { readonly kind: 'schedule-timeout'; readonly timeout: BftTimeout }
  | { readonly kind: 'cancel-timeout'; readonly timeout: BftTimeout }
  | { readonly kind: 'cancel-all-timeouts' }
  | {
      readonly kind: 'start-round';
      readonly height: number;
      readonly round: number;
      readonly proposer: Uint8Array;
      readonly role: 'proposer' | 'validator' | 'observer';
    }
  /** Build a block and answer with `propose`, before the propose timeout of the round; `height` starts at its tip. */
  | { readonly kind: 'get-value'; readonly height: number; readonly round: number }
  /**
   * Send to every peer. Every `wal` effect that came before must be durable first. `liveness`: sent again, or a
   * certificate, so that others catch up.
   */
  | {
      readonly kind: 'publish';
      readonly bytes: Uint8Array;
      readonly message: 'vote' | 'proposal' | 'polka' | 'round';
      readonly liveness: boolean;
    }
  /** Send the body of a known block again, under this round: a peer may lack it. */
  | {
      readonly kind: 'restream';
      readonly height: number;
      readonly round: number;
      readonly validRound: number;
      readonly proposer: Uint8Array;
      readonly id: Uint8Array;
    }
  /** Append to the write-ahead log of this height; durable before the next `publish`, `decide` or signature. */
  | { readonly kind: 'wal'; readonly height: number; readonly entry: Uint8Array }
  /** Decided. `certificate` is the finality evidence (P6). */
  | {
      readonly kind: 'decide';
      readonly height: number;
      readonly round: number;
      readonly id: Uint8Array;
      readonly certificate: Uint8Array;
    }
  /** Nothing more will come of this height: answer with `start-height` once the block is executed. */
  | {
      readonly kind: 'finalize';
      readonly height: number;
      readonly round: number;
      readonly id: Uint8Array;
      readonly certificate: Uint8Array;
      readonly evidence: readonly BftEvidence[];
    }
  /** A message was not taken. `bytes` is the message, where it could be read (it may have waited for its height). */
  | { readonly kind: 'refused'; readonly reason: BftRefusal; readonly bytes?: Uint8Array }
  /** The engine gave up one input and went on; safe, but worth a log line. */
  | { readonly kind: 'trouble'; readonly message: string };

/** A signature that the core waits for. */
export interface BftSign {
  readonly what: 'prevote' | 'precommit' | 'proposal';
  readonly height: number;
  readonly round: number;
  /** undefined: nil. */
  readonly id: Uint8Array | undefined;
  /** Of a proposal that repeats a value: the round of its polka. */
  readonly polRound?: number;
  /** The CBOR array (P4). Sign with `signer.sign('vote', network, bytes)`. */
  readonly bytes: Uint8Array;
}

export interface BftStep {
  readonly effects: readonly BftEffect[];
  /**
   * Present: the core is suspended. Carry out the effects, write the slashing-protection database, sign, and call
   * {@link BftCore.resume}.
   */
  readonly sign?: BftSign;
}

/** What a wire message says about itself; nothing is verified. */
export interface BftMessageInfo {
  readonly kind: 'prevote' | 'precommit' | 'proposal' | 'polka' | 'round';
  readonly height: number;
  readonly round: number;
  /** undefined: a nil vote, or a round certificate. */
  readonly id?: Uint8Array;
  /** Of votes and proposals. */
  readonly validator?: Uint8Array;
}

export interface BftCore {
  /** Handles one input. Throws `bft/suspended` while a signature is awaited. */
  step(input: BftInput): BftStep;
  /**
   * Goes on after a request to sign. `undefined`: the host refuses to sign (slashing protection); the core goes on as
   * if the message had been lost on the way to everybody, itself included (P11).
   */
  resume(signature: Uint8Array | undefined): BftStep;
  /**
   * Begins a height from its write-ahead log instead of `start-height`; entries as `wal` effects gave them, in order,
   * possibly none. Own messages in the log are published again, not signed anew (P12). May suspend.
   */
  replay(start: BftHeight, entries: readonly Uint8Array[]): BftStep;
  readonly height: number;
  /** −1 before the first `start-height`. */
  readonly round: number;
  /** Whether a signature is awaited. */
  readonly suspended: boolean;
  /** Frees the native memory. Idempotent. */
  close(): void;
}

/** A commit certificate and what it is to be checked against. */
export interface BftCommit {
  readonly network: string;
  readonly validators: readonly BftValidator[];
  readonly height: number;
  readonly id: Uint8Array;
  readonly certificate: Uint8Array;
}

/** Why a commit certificate proves nothing (P6). */
export type BftCommitRefusal =
  /** Not the one encoding; a bitmap of another length, with bits beyond the set, or another number of signatures. */
  | 'malformed'
  /** Not more than two thirds of the power. */
  | 'power'
  /** A signature does not verify: wrong network, height, round, id, or signer. */
  | 'signature';

export type BftCommitVerdict =
  | { readonly ok: true; readonly round: number; readonly power: bigint }
  | { readonly ok: false; readonly reason: BftCommitRefusal };
