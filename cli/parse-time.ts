import { parseSafe } from '../base/decimal.ts';
import { cliError } from './errors.ts';

/** A date, and a time with its zone: without one it would mean another moment on another machine. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * A moment as people write it (E12): ISO 8601 with its zone, or milliseconds since 1970.
 *
 * @throws PyralogError `cli/usage`, naming the option
 */
export function parseTime(text: string, option: string): number {
  const ms = parseSafe(text) ?? (ISO.test(text) ? Date.parse(text) : Number.NaN);
  if (ms >= 0) return ms;
  throw cliError(
    'cli/usage',
    `${option} ${text}: give a time such as 2026-11-21T12:00:00Z, or milliseconds since 1970`,
  );
}
