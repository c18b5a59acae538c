// SPDX-License-Identifier: Apache-2.0
import { Misread } from '../api/index.ts';
import { clientError } from './errors.ts';

/** What the node sent, or that it cannot be read. Conversions never throw on text, but may on what is no text at all. */
export function read<T>(value: T | Misread): T {
  if (!(value instanceof Misread)) return value;
  throw clientError('client/bad-answer', `the node's answer cannot be read: ${value.message}`);
}
