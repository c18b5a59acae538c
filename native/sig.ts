/**
 * Signatures and BLAKE3 in bulk, at native speed.
 *
 * Verification is strict Ed25519 (checkpoint.md C5), each signature by itself: consensus needs the same verdict
 * everywhere, which a randomised batch equation does not give for keys with a torsion component.
 */
import { PyralogError } from '../base/errors.ts';
import { ask, binding } from './binding.ts';
import { hashesOf, packInputs } from './pack.ts';

/** Why a packed argument is refused. A signature that is wrong is an answer, not an error. */
export type SignatureErrorCode =
  /** Packed bytes that end in the middle of an item, a key, seed or signature of the wrong length. Nothing was done. */
  'sig/malformed';

/** One signature to check. */
export interface SignatureItem {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
}

/** So many are checked in the time a trip to the pool takes. */
const INLINE_MAX = 4;
const HEAD_BYTES = 32 + 64 + 4;

/** Packs items for the checks: 32-byte key, 64-byte signature, u32le length, message. Throws `sig/malformed`. */
export function packSignatures(items: Iterable<SignatureItem>): Uint8Array {
  const list = [...items];
  const packed = new Uint8Array(
    list.reduce((sum, { message }) => sum + HEAD_BYTES + message.length, 0),
  );
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { publicKey, signature, message } of list) {
    exactly('a public key', publicKey, 32);
    exactly('a signature', signature, 64);
    packed.set(publicKey, at);
    packed.set(signature, at + 32);
    view.setUint32(at + 96, message.length, true);
    packed.set(message, at + HEAD_BYTES);
    at += HEAD_BYTES + message.length;
  }
  return packed;
}

/**
 * Checks every item of {@link packSignatures}: one byte an item, 1 where the signature is valid, 0 where it is not.
 * Runs on Node's thread pool unless there are only a few. Rejects with `sig/malformed`.
 */
export async function verifySignatures(packed: Uint8Array): Promise<Uint8Array> {
  if (fewItems(packed)) return verifySignaturesSync(packed);
  return await ask(() => binding.verifySignatures(packed));
}

/** {@link verifySignatures} on the calling thread: about 45 µs an item. Throws `sig/malformed`. */
export function verifySignaturesSync(packed: Uint8Array): Uint8Array {
  return ask(() => binding.verifySignaturesSync(packed));
}

/** Signature (64 bytes) of `message` by the key of this 32-byte seed (RFC 8032). Throws `sig/malformed`. */
export function signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ask(() => binding.signEd25519(seed, message));
}

/** Public key (32 bytes) of a 32-byte seed. Throws `sig/malformed`. */
export function publicKeyEd25519(seed: Uint8Array): Uint8Array {
  return ask(() => binding.publicKeyEd25519(seed));
}

/** Plain BLAKE3 of `data`. */
export function blake3Hash(data: Uint8Array): Uint8Array {
  return binding.blake3Hash(data);
}

/** BLAKE3 in derive_key mode: `context` names the purpose, `data` is the key material. */
export function blake3Derived(context: string, data: Uint8Array): Uint8Array {
  return binding.blake3Derived(context, data);
}

/**
 * BLAKE3 keyed with `derive_key(label)` over empty material, as the trees hash (merkle.md M1, state.md U1). One label
 * names one kind of input.
 */
export function blake3Keyed(label: string, data: Uint8Array): Uint8Array {
  return binding.blake3Keyed(label, data);
}

/** {@link blake3Keyed} of each of `inputs`, in one call. */
export function blake3KeyedMany(label: string, inputs: readonly Uint8Array[]): Uint8Array[] {
  return hashesOf(ask(() => binding.blake3KeyedMany(label, packInputs(inputs))));
}

/** {@link blake3Derived} of each of `inputs`, in one call. */
export function blake3DerivedMany(context: string, inputs: readonly Uint8Array[]): Uint8Array[] {
  return hashesOf(ask(() => binding.blake3DerivedMany(context, packInputs(inputs))));
}

/** Whether the items end within the first few; malformed bytes are left to the native side. */
function fewItems(packed: Uint8Array): boolean {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  for (let items = 0; items < INLINE_MAX && at < packed.length; items++) {
    if (packed.length - at < HEAD_BYTES) return true;
    at += HEAD_BYTES + view.getUint32(at + 96, true);
  }
  return at >= packed.length;
}

function exactly(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length === length) return;
  const message = `${what} has ${bytes.length} bytes; give ${length}`;
  throw new PyralogError<SignatureErrorCode>('sig/malformed', message);
}
