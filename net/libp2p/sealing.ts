/**
 * Noise without what its JavaScript spends beside the cipher (see thrift.ts): native ChaCha20-Poly1305 in the memory that
 * is sent and received, one write a message instead of two, and no exception at the end of every chunk that is read.
 *
 * The handshake and the bytes on the wire stay libp2p's own.
 */
import { concat } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import { AEAD_TAG_BYTES, aeadOpen, aeadSeal } from '../../native/index.ts';
import type { Modules } from './modules.ts';
import { withoutUnheard } from './muxing.ts';
import type { Bytes } from './pieces.ts';

/** u16be length of what follows: ciphertext and tag (noise-libp2p). */
const LENGTH_BYTES = 2;
const SEALED_BYTES_MAX = 65_535;
const EMPTY = new Uint8Array(0);
const PLAIN_BYTES_MAX = SEALED_BYTES_MAX - AEAD_TAG_BYTES;

type Make = ReturnType<Modules['noise']['noise']>;
type Encrypter = ReturnType<Make>;

/** Of an `Encrypter`. */
interface EncrypterInside {
  readonly crypto: {
    encrypt(plain: Bytes, nonce: Uint8Array, data: Uint8Array, key: Uint8Array): Uint8Array;
    decrypt(
      sealed: Bytes,
      nonce: Uint8Array,
      data: Uint8Array,
      key: Uint8Array,
      room?: Bytes,
    ): Uint8Array;
  };
}

/** What is known of an encrypted stream of noise 17. */
export interface SealedInside {
  readonly handshake: {
    encrypt(plain: Uint8Array): unknown;
    decrypt(sealed: Uint8Array, room: Uint8Array): Uint8Array;
  };
  decoder: { decode(chunk: Bytes): Iterable<Uint8Array> };
  encrypt(plain: Bytes): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
}

/** Noise as {@link Modules} have it, made lean when a connection is secured. */
export function thriftyNoise({ noise }: Modules): Make {
  const make = noise.noise();
  return (components) => {
    const encrypter = make(components);
    const inside = encrypter as unknown as EncrypterInside;
    assert(typeof inside.crypto?.encrypt === 'function', 'noise encrypts through its crypto');
    assert(typeof inside.crypto.decrypt === 'function', 'noise decrypts through its crypto');
    const room = new Room();
    inside.crypto.encrypt = (plain, nonce, data, key) => {
      const sealed = room.take(plain) ?? sealedCopy(plain);
      aeadSeal({ key, nonce, data }, sealed);
      return sealed;
    };
    inside.crypto.decrypt = (sealed, nonce, data, ...[key, inPlace]) => {
      // The handshake hashes what it received afterwards, so only messages behind it may be decrypted where they are.
      const bytes = inPlace === undefined ? Buffer.from(sealed.subarray()) : sealed.subarray();
      if (!aeadOpen({ key, nonce, data }, bytes)) throw new Error('message is not authentic');
      return bytes.subarray(0, bytes.length - AEAD_TAG_BYTES);
    };
    leanWhenSecured(encrypter, room);
    return encrypter;
  };
}

/** Where the next message is to be sealed: it lies there already, with room for its tag. */
class Room {
  #next: Uint8Array | undefined;

  seal(bytes: Uint8Array, encrypt: (plain: Uint8Array) => unknown): void {
    this.#next = bytes;
    encrypt(bytes);
    assert(this.#next === undefined, 'noise encrypts one message at a time');
  }

  take(plain: Bytes): Uint8Array | undefined {
    const next = this.#next;
    if (next !== plain) return undefined;
    this.#next = undefined;
    return next;
  }
}

function sealedCopy(plain: Bytes): Uint8Array {
  const sealed = Buffer.allocUnsafe(plain.byteLength + AEAD_TAG_BYTES);
  sealed.set(plain.subarray());
  return sealed;
}

function leanWhenSecured(encrypter: Encrypter, room: Room): void {
  const inbound = encrypter.secureInbound.bind(encrypter);
  const outbound = encrypter.secureOutbound.bind(encrypter);
  encrypter.secureInbound = async (connection, options) =>
    lean(await inbound(withoutUnheard(connection), options), room);
  encrypter.secureOutbound = async (connection, options) =>
    lean(await outbound(withoutUnheard(connection), options), room);
}

function lean<T extends { readonly connection: unknown }>(secured: T, room: Room): T {
  const stream = secured.connection as SealedInside & {
    readonly decoder: { readonly buffer?: Bytes };
  };
  assert(typeof stream.handshake?.encrypt === 'function', 'a stream of noise has its handshake');
  assert(typeof stream.encrypt === 'function', 'a stream of noise encrypts in encrypt');
  assert(typeof stream.decrypt === 'function', 'a stream of noise decrypts in decrypt');
  const begun = stream.decoder?.buffer;
  assert(begun !== undefined, 'a stream of noise holds the beginning of a message in its decoder');
  stream.decoder = new MessageCutter(begun.subarray());
  stream.encrypt = (plain) =>
    sealAll(plain.subarray(), (bytes) => room.seal(bytes, (one) => stream.handshake.encrypt(one)));
  stream.decrypt = (sealed) => {
    if (sealed.length < AEAD_TAG_BYTES) throw new Error('message is too short for its tag');
    return stream.handshake.decrypt(sealed, sealed);
  };
  withoutUnheard(stream);
  return secured;
}

/** Messages with their lengths before them, each sealed in place: what is written to the socket. */
export function sealAll(plain: Uint8Array, seal: (bytes: Uint8Array) => void): Uint8Array {
  const messages = Math.ceil(plain.length / PLAIN_BYTES_MAX);
  const out = Buffer.allocUnsafe(plain.length + messages * (LENGTH_BYTES + AEAD_TAG_BYTES));
  let at = 0;
  for (let from = 0; from < plain.length; from += PLAIN_BYTES_MAX) {
    const part = plain.subarray(from, from + PLAIN_BYTES_MAX);
    const length = part.length + AEAD_TAG_BYTES;
    at = out.writeUInt16BE(length, at);
    out.set(part, at);
    seal(out.subarray(at, at + length));
    at += length;
  }
  return out;
}

/** Cuts what arrives into messages; holds the beginning of one at most. */
export class MessageCutter {
  #rest: Uint8Array;

  constructor(begun: Uint8Array = new Uint8Array(0)) {
    this.#rest = begun;
  }

  decode(chunk: Bytes): Uint8Array[] {
    const arrived = chunk.subarray();
    const bytes = this.#rest.length === 0 ? arrived : concat(this.#rest, arrived);
    const messages: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      // An empty one carries nothing, not even a tag: passed over, as libp2p does.
      if (length > 0) messages.push(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? EMPTY : bytes.subarray(at);
    return messages;
  }
}
