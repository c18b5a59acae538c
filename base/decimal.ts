// SPDX-License-Identifier: Apache-2.0
/**
 * Decimal numbers as texts carry them: 64-bit integers in JSON and note lines.
 *
 * One number, one text: no sign, no leading zeros, no spaces.
 */

export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const U32_MAX = 0xffff_ffff;

const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;

/** A decimal from 0 to 2^64 − 1, or `undefined`. */
export function parseU64(text: string): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = BigInt(text);
  return value <= U64_MAX ? value : undefined;
}

/** A decimal from 0 to `max` (by default 2^53 − 1), or `undefined`. */
export function parseSafe(text: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = parseU64(text);
  return value !== undefined && value <= BigInt(max) ? Number(value) : undefined;
}

/** Whether this is an integer from 0 to `max` (by default 2^53 − 1). */
export function isUint(value: unknown, max = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

/** Whether this is an integer from 0 to 2^64 − 1. */
export function isU64(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= U64_MAX;
}
