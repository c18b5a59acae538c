// SPDX-License-Identifier: Apache-2.0
/**
 * Validator sets: whose votes make a block final (P1, P2, X10).
 */
import { toHex } from '../base/bytes.ts';
import { encodeCanonical } from './cbor.ts';
import { isPublicKey } from './ed25519.ts';
import { labelHash } from './labelled-tree.ts';
import type { Validator } from './types.ts';

/** P1. */
export const VALIDATORS_MAX = 1_024;
/** P1: of the sum, so that thrice the power stays below 2^62. */
const TOTAL_MAX = 2n ** 60n;

/** Hash under label `validators` of `[[key, power] …]` in set order (X10). */
export function validatorsHash(
  validators: readonly Pick<Validator, 'key' | 'power'>[],
): Uint8Array {
  const rows = validators.map(({ key, power }) => [key, power]);
  return labelHash('validators', encodeCanonical(rows));
}

export function totalPower(validators: readonly Pick<Validator, 'power'>[]): bigint {
  return validators.reduce((sum, { power }) => sum + power, 0n);
}

/** Strictly more than two thirds (P2). */
export function isQuorum(power: bigint, total: bigint): boolean {
  return 3n * power > 2n * total;
}

/** Order of the set (P1): power descending, then key ascending, bytewise. Negative when `a` stands before `b`. */
export function compareValidators(
  a: Pick<Validator, 'key' | 'power'>,
  b: Pick<Validator, 'key' | 'power'>,
): number {
  if (a.power !== b.power) return a.power > b.power ? -1 : 1;
  const [left, right] = [toHex(a.key), toHex(b.key)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What P1 asks of a set, but for the points that its keys are: in words, `undefined` when all is well. */
export function validatorsProblem(
  validators: readonly Pick<Validator, 'key' | 'power'>[],
): string | undefined {
  if (validators.length < 1 || validators.length > VALIDATORS_MAX) {
    return `a validator set has 1 to ${VALIDATORS_MAX} validators`;
  }
  if (validators.some(({ key }) => key.length !== 32)) return 'a vote key has 32 bytes';
  if (validators.some(({ power }) => power < 1n)) return 'power is at least 1';
  if (totalPower(validators) > TOTAL_MAX) return 'the power of all is at most 2^60';
  if (new Set(validators.map(({ key }) => toHex(key))).size !== validators.length) {
    return 'a vote key stands there twice';
  }
  const inOrder = validators.every((validator, i) => {
    const before = validators[i - 1];
    return before === undefined || compareValidators(before, validator) < 0;
  });
  return inOrder ? undefined : 'validators stand by power, greatest first, then by key';
}

/** The first vote key nobody could vote with: not canonical, or of small order (P1, C5). */
export function badVoteKey(validators: readonly Pick<Validator, 'key'>[]): string | undefined {
  const bad = validators.find(({ key }) => !isPublicKey(key));
  return bad === undefined ? undefined : `${toHex(bad.key)} is no Ed25519 key to vote with`;
}
