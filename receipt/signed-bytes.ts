// SPDX-License-Identifier: Apache-2.0
/**
 * What an Ed25519 key signs when it is not a note: votes and transactions (P4, X1).
 *
 * The purpose and the network stand in front of the bytes, so that a signature for
 * one purpose or network is never one for another, whatever the bytes look like.
 */
import { concat, toUtf8 } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';

/** u8 length ‖ domain ‖ u8 length ‖ network id ‖ bytes. */
export function signedBytes(domain: string, network: string, bytes: Uint8Array): Uint8Array {
  return concat(shortText(domain), shortText(network), bytes);
}

function shortText(text: string): Uint8Array {
  const bytes = toUtf8(text);
  assert(bytes.length > 0 && bytes.length < 256, 'a domain and a network id have 1 to 255 bytes');
  return concat(Uint8Array.of(bytes.length), bytes);
}
