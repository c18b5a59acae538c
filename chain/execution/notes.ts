/** Signed checkpoints inside transactions: whose they are and which registered keys signed (X7, X9). */
import { hash } from 'node:crypto';
import type { SignatureItem } from '../../native/index.ts';
import {
  cosignatureMessage,
  type Note,
  type Origin,
  parseCheckpoint,
  parseOrigin,
  type SignedCheckpoint,
} from '../../receipt/index.ts';
import { forbidden, type Refusal } from '../errors.ts';
import type { Cluster } from '../types.ts';
import type { BlockContext } from './plan.ts';

/** Bytes of a cosignature: u64 of Unix seconds, then Ed25519 (C3). */
const COSIGNATURE_BYTES = 72;

/** A note that reads well and is of this network; its signatures are not yet believed. */
export interface ChainNote extends SignedCheckpoint {
  readonly ok: true;
  readonly origin: Origin;
}

/** Reads a note of a log of this network (C1, C2). The refusal names `rule`. */
export function readNote(text: string, network: string, rule: string): ChainNote | Refusal {
  const parsed = parseCheckpoint(text);
  if (!parsed.ok) return forbidden(rule, parsed.message);
  const { origin } = parsed.value.checkpoint;
  const named = parseOrigin(origin);
  if (!named.ok) return forbidden(rule, named.message);
  if (named.value.network !== network) {
    return forbidden(rule, `log ${origin} is of another network; this one is ${network}`);
  }
  return { ok: true, origin: named.value, ...parsed.value };
}

/** Origin line of a note, without reading the rest: enough to know what state it touches. */
export function originOf(
  note: string,
): { readonly text: string; readonly origin: Origin } | undefined {
  const end = note.indexOf('\n');
  const text = note.slice(0, Math.max(0, end));
  const origin = parseOrigin(text);
  return origin.ok ? { text, origin: origin.value } : undefined;
}

/** The cosignature lines of registered keys, each once (C4). */
export interface RegisteredLines {
  readonly items: readonly SignatureItem[];
  /** Four bytes, of the key of each item. */
  readonly keyIds: readonly Uint8Array[];
  /** A line of a registered key that cannot be a signature at all. */
  readonly broken: boolean;
}

/** What has to be verified to know who of the cluster signed. */
export function registeredLines(note: Note, keys: Cluster['keys']): RegisteredLines {
  const known = knownKeys(keys);
  const lines = new Map<string, { item: SignatureItem; keyId: Uint8Array }>();
  let broken = false;
  for (const { name, keyId, signature } of note.signatures) {
    const key = known.find((one) => one.name === name && one.keyIdHex === keyId);
    if (key === undefined) continue;
    const item = itemOf(note.body, signature, key.publicKey);
    if (item === undefined) broken = true;
    else
      lines.set(`${name} ${keyId} ${Buffer.from(signature).toString('latin1')}`, {
        item,
        keyId: key.keyId,
      });
  }
  const list = [...lines.values()];
  return { items: list.map(({ item }) => item), keyIds: list.map(({ keyId }) => keyId), broken };
}

/**
 * Key ids of the registered keys that signed, ascending; a refusal when one of their signatures is false, or fewer than
 * the threshold signed (X7, X9, C4).
 */
export function checkSigners(
  note: Note,
  cluster: Cluster,
  { isValid }: Pick<BlockContext, 'isValid'>,
  rule: string,
): { readonly ok: true; readonly keyIds: readonly Uint8Array[] } | Refusal {
  const { items, keyIds, broken } = registeredLines(note, cluster.keys);
  if (broken || !items.every(isValid)) {
    return forbidden(rule, `a signature of a key of cluster ${cluster.name} does not verify (C4)`);
  }
  const signers = new Map(
    items.map((item, i) => [
      Buffer.from(item.publicKey).toString('hex'),
      keyIds[i] ?? item.publicKey,
    ]),
  );
  if (signers.size < cluster.threshold) {
    const reason = `${signers.size} keys of cluster ${cluster.name} signed; ${cluster.threshold} are needed`;
    return forbidden(rule, reason);
  }
  return { ok: true, keyIds: [...signers.values()].sort(Buffer.compare) };
}

interface KnownKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
  readonly keyIdHex: string;
}

/** Key ids by registration: it is decoded once and used by every anchor. */
const KNOWN = new WeakMap<Cluster['keys'], readonly KnownKey[]>();

function knownKeys(keys: Cluster['keys']): readonly KnownKey[] {
  const kept = KNOWN.get(keys);
  if (kept !== undefined) return kept;
  const known = keys.map(({ name, publicKey }) => {
    // Key id (C3): first four bytes of SHA-256(name ‖ LF ‖ type 4 ‖ public key).
    const full = Buffer.concat([Buffer.from(`${name}\n\u0004`), publicKey]);
    const keyId = new Uint8Array(hash('sha256', full, 'buffer').subarray(0, 4));
    return { name, publicKey, keyId, keyIdHex: Buffer.from(keyId).toString('hex') };
  });
  KNOWN.set(keys, known);
  return known;
}

function itemOf(
  body: string,
  cosignature: Uint8Array,
  publicKey: Uint8Array,
): SignatureItem | undefined {
  if (cosignature.length !== COSIGNATURE_BYTES) return undefined;
  const seconds = Number(new DataView(cosignature.buffer, cosignature.byteOffset).getBigUint64(0));
  if (!Number.isSafeInteger(seconds)) return undefined;
  return {
    publicKey,
    signature: cosignature.subarray(8),
    message: cosignatureMessage(body, seconds),
  };
}
