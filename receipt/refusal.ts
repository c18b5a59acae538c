// SPDX-License-Identifier: Apache-2.0
/**
 * Why something was not believed.
 *
 * Bad input is what a verifier is for, so it is a value and never an exception:
 * a {@link Refusal} says what was wrong, where, and what to do. Encoders, whose
 * input is ours, throw a `PyralogError` with the same codes.
 */

/** Every code there is; `rpc/` and `cli/` prove against this list that they name them all. */
export const REFUSAL_CODES = [
  /** Not the format at all: syntax, a missing or unknown field, a value out of its bounds. */
  'receipt/malformed',
  /** Made by a newer version: a higher version number or a checkpoint line unknown here. */
  'receipt/newer-version',
  /** Reads well, but is not byte for byte what an encoder writes: somebody edited it. */
  'receipt/not-canonical',
  /** The digest of the given data is not the one in the receipt: other data, or changed since. */
  'receipt/wrong-data',
  /** No checkpoint in the receipt yet: upgrade it. */
  'receipt/not-signed',
  /** The checkpoint is of another log than the receipt says. */
  'receipt/wrong-origin',
  /** The path does not lead from the record to the checkpoint's root. */
  'receipt/bad-path',
  /** A pinned key's signature does not verify. */
  'receipt/bad-signature',
  /** No pinned policy covers the log: the trust store lacks it, or it is another network's. */
  'receipt/unknown-log',
  /** Fewer pinned keys signed than the policy asks for. */
  'receipt/threshold',
  /** A finality proof of a kind or scheme this version does not know, or not one of a log's receipt (V7). */
  'receipt/finality-unknown',
  /** The chain of the receipt's network is not pinned (F1). */
  'receipt/unknown-chain',
  /** A finality proof that is not in its one encoding (F4, F5, F7). */
  'receipt/finality-malformed',
  /** A block header that is not in its one encoding (X10). */
  'receipt/bad-header',
  /** The header names another validator set than the pinned one (F2). */
  'receipt/wrong-validators',
  /** The certified header is older than the pinned trust root (F3). */
  'receipt/before-trust-root',
  /** A certificate that is not in its one encoding (P6). */
  'receipt/bad-certificate',
  /** Two thirds of the power or less signed (P2). */
  'receipt/certificate-power',
  /** A vote in the certificate does not verify: other height, round, block or network, or nobody's (P6). */
  'receipt/certificate-signature',
  /** The anchored header is not in the history of the certified one (F5). */
  'receipt/not-in-history',
  /** The block does not hold this checkpoint as an anchor (F4). */
  'receipt/not-anchored',
  /** The block does not hold this transaction (F7). */
  'receipt/not-in-block',
  /** A verification key that is not well-formed, or a point nobody should sign with. */
  'receipt/bad-key',
  /** A trust store or policy that breaks its rules. */
  'receipt/bad-trust',
  /** A genesis document that breaks its rules. */
  'receipt/bad-genesis',
] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The answer "no", with its reason. */
export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly message: string;
}

/** What reading untrusted bytes gives. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Refusal;

export function refuse(code: RefusalCode, message: string): Refusal {
  return { ok: false, code, message };
}

export function accept<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}
