// SPDX-License-Identifier: Apache-2.0
/**
 * Taking values of unknown shape apart: JSON that came from outside.
 */

export type Fields = Readonly<Record<string, unknown>>;

/** An object of `JSON.parse`, not an array and not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first field that is missing or not known, in words; `undefined` when all is well. */
export function fieldProblem(
  value: Fields,
  required: readonly string[],
  optional: readonly string[] = [],
): string | undefined {
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `field "${missing}" is missing`;
  const unknown = Object.keys(value).find(
    (name) => !required.includes(name) && !optional.includes(name),
  );
  return unknown === undefined ? undefined : `field ${JSON.stringify(unknown)} is not known`;
}

/** The value of a JSON text; `undefined` when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON text means undefined, so the caller can tell
  }
}

/** JSON as files hold it: two spaces of indent, LF, one LF at the end. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
