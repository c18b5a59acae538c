// SPDX-License-Identifier: Apache-2.0
/**
 * Commit certificates: the precommits that make a block final (P4, P6).
 *
 *     [round, signers, signatures]
 *
 * `signers` is a bitmap over the validator set in its order, least significant bit
 * first; `signatures` are those of its set bits, back to back. There is one encoding
 * of one set of votes, and no byte in it that is not checked.
 */
import { concat, copyBytes } from '../base/bytes.ts';
import { isUint } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { decodeCanonical, encodeCanonical } from './cbor.ts';
import { verifyEd25519 } from './ed25519.ts';
import { accept, type Parsed, type RefusalCode, refuse } from './refusal.ts';
import { signedBytes } from './signed-bytes.ts';
import type { Validator } from './types.ts';
import { isQuorum, totalPower, validatorsProblem } from './validators.ts';

/** P4: what votes are signed as. */
export const VOTE_DOMAIN = 'vote';
/** pos.md, beginning. */
const ROUND_MAX = 2 ** 31 - 1;
const PRECOMMIT = 1;
const SIGNATURE_BYTES = 64;

/** One validator's precommit. */
export interface CommitSignature {
  /** Of the validator, in set order. */
  readonly index: number;
  /** 64 bytes over `signedBytes('vote', network, precommitBytes(…))`. */
  readonly signature: Uint8Array;
}

/** A certificate taken apart; its signatures are not yet believed. */
export interface Certificate {
  readonly round: number;
  /** In ascending order of index. */
  readonly signatures: readonly CommitSignature[];
}

/** What a certificate is to certify, and who may (F2). */
export interface Certified {
  readonly network: string;
  /** In set order (P1). */
  readonly validators: readonly Pick<Validator, 'key' | 'power'>[];
  readonly height: number;
  /** 32 bytes, the block's id. */
  readonly id: Uint8Array;
}

export interface CertificateVerified {
  readonly round: number;
  /** Indices of the validators that signed, ascending. */
  readonly signers: readonly number[];
  /** Of those that signed. */
  readonly power: bigint;
  /** Of all. */
  readonly total: bigint;
}

/** The precommit for a block: `[1, height, round, id]` (P4). */
export function precommitBytes(height: number, round: number, id: Uint8Array): Uint8Array {
  return encodeCanonical([PRECOMMIT, height, round, id]);
}

/**
 * The certificate of these votes over `count` validators (P6). Nothing is verified.
 *
 * @throws PyralogError `receipt/bad-certificate` for what no reader would accept
 */
export function encodeCertificate(certificate: Certificate, count: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(count / 8));
  for (const { index } of certificate.signatures) {
    bitmap[index >>> 3] = (bitmap[index >>> 3] ?? 0) | (1 << (index & 7));
  }
  const signatures = concat(...certificate.signatures.map(({ signature }) => signature));
  const bytes = encodeCanonical([certificate.round, bitmap, signatures]);
  const read = decodeCertificate(bytes, count);
  if (!read.ok) throw new PyralogError<RefusalCode>(read.code, read.message);
  const inOrder = read.value.signatures.every(
    ({ index }, i) => index === certificate.signatures[i]?.index,
  );
  if (inOrder) return bytes;
  throw new PyralogError<RefusalCode>(
    'receipt/bad-certificate',
    'certificate: signatures stand in the order of the validators, one each',
  );
}

/** Reads a certificate over `count` validators; verifies nothing (P6). */
export function decodeCertificate(bytes: Uint8Array, count: number): Parsed<Certificate> {
  const items = decodeCanonical(bytes);
  if (items?.length !== 3) return bad('not an array of three in deterministic CBOR');
  const [round, bitmap, joined] = items;
  if (!isUint(round, ROUND_MAX)) return bad('round is 0 to 2^31 − 1');
  if (!(bitmap instanceof Uint8Array) || bitmap.length !== Math.ceil(count / 8)) {
    return bad(`the bitmap of ${count} validators has ${Math.ceil(count / 8)} bytes`);
  }
  const indices = setBits(bitmap);
  if (indices.some((index) => index >= count)) {
    return bad(`the bitmap names validators beyond the ${count} there are`);
  }
  const length = indices.length * SIGNATURE_BYTES;
  if (!(joined instanceof Uint8Array) || joined.length !== length) {
    return bad(`${indices.length} signers have ${length} bytes of signatures`);
  }
  const signatures = indices.map((index, i) => ({
    index,
    signature: copyBytes(joined, i * SIGNATURE_BYTES, (i + 1) * SIGNATURE_BYTES),
  }));
  return accept({ round, signatures });
}

function setBits(bitmap: Uint8Array): number[] {
  const bits = Array.from({ length: 8 * bitmap.length }, (_, i) => i);
  return bits.filter((i) => (((bitmap[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 1);
}

/**
 * Whether more than two thirds of the power committed to this block (P2, P6, F2).
 *
 * Every signature in it must verify, not only enough of them: whoever made a
 * certificate with a false one cannot be trusted with the rest. Power is counted
 * first, so that nobody makes us check signatures that could not suffice.
 */
export function verifyCertificate(
  certified: Certified,
  bytes: Uint8Array,
): Parsed<CertificateVerified> {
  const { network, validators, height, id } = certified;
  const problem = validatorsProblem(validators);
  if (problem !== undefined) return refuse('receipt/bad-trust', `validators: ${problem} (P1)`);
  const certificate = decodeCertificate(bytes, validators.length);
  if (!certificate.ok) return certificate;
  const { round, signatures } = certificate.value;
  const signers = signatures.map(({ index }) => index);
  const total = totalPower(validators);
  const power = totalPower(validators.filter((_, index) => signers.includes(index)));
  if (!isQuorum(power, total)) {
    return refuse(
      'receipt/certificate-power',
      `the certificate has ${power} of ${total} power; more than two thirds are needed`,
    );
  }
  const message = signedBytes(VOTE_DOMAIN, network, precommitBytes(height, round, id));
  const forged = signatures.find(({ index, signature }) => {
    const key = validators[index]?.key;
    return key === undefined || !verifyEd25519(signature, message, key);
  });
  if (forged === undefined) return accept({ round, signers, power, total });
  return refuse(
    'receipt/certificate-signature',
    `the vote of validator ${forged.index} for block ${height} in round ${round} does not verify`,
  );
}

function bad(what: string): Parsed<never> {
  return refuse('receipt/bad-certificate', `certificate: ${what}`);
}
