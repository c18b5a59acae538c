import { concat } from '../base/bytes.ts';
import { decodeHello, encodeHello, type Hello } from './hello.ts';
import type { Fault } from './types.ts';

/** Why a link is closed by the other side, in its own words (G8). The order is the number on the wire. */
const REASONS = [
  'closing',
  'banned',
  'too-many-peers',
  'replaced',
  'malformed',
  'invalid',
  'oversized',
  'flood',
  'wrong-network',
  'wrong-genesis',
  'old-version',
  'unresponsive',
] as const satisfies readonly (Fault | 'closing' | 'banned' | 'too-many-peers' | 'replaced')[];

export type GoodbyeReason = (typeof REASONS)[number];

/** What a link says on its own channel: a kind byte and the rest (G3). */
export type Control =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'welcome' }
  | { readonly kind: 'ping' | 'pong'; readonly token: number }
  | { readonly kind: 'goodbye'; readonly reason: GoodbyeReason };

const HELLO = 0;
const PING = 1;
const PONG = 2;
const GOODBYE = 3;
const WELCOME = 4;

export function encodeControl(control: Control): Uint8Array {
  switch (control.kind) {
    case 'hello':
      return concat(Uint8Array.of(HELLO), encodeHello(control.hello));
    case 'welcome':
      return Uint8Array.of(WELCOME);
    case 'goodbye':
      return Uint8Array.of(GOODBYE, REASONS.indexOf(control.reason));
    default: {
      const bytes = new Uint8Array(5);
      bytes[0] = control.kind === 'ping' ? PING : PONG;
      new DataView(bytes.buffer).setUint32(1, control.token, true);
      return bytes;
    }
  }
}

/** undefined for anything but exactly one of the five. */
export function decodeControl(bytes: Uint8Array): Control | undefined {
  const kind = bytes[0];
  if (kind === HELLO) {
    const hello = decodeHello(bytes.subarray(1));
    return hello === undefined ? undefined : { kind: 'hello', hello };
  }
  if ((kind === PING || kind === PONG) && bytes.length === 5) {
    const token = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
    return { kind: kind === PING ? 'ping' : 'pong', token };
  }
  if (kind === WELCOME && bytes.length === 1) return { kind: 'welcome' };
  if (kind !== GOODBYE || bytes.length !== 2) return undefined;
  const reason = REASONS[bytes[1] ?? REASONS.length];
  return reason === undefined ? undefined : { kind: 'goodbye', reason };
}
