/** A one-replica log in memory: what the receipt tests sign and prove. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import * as r from '../../../receipt/index.ts';

export const NETWORK = 'devnet-00112233aabbccdd';
export const SCOPE = r.clusterScope(NETWORK, 'local');
export const ORIGIN = `${SCOPE}/notary/0`;

export interface Replica {
  readonly key: r.VerificationKey;
  readonly sign: r.SignFunction;
}

export function replica(i: number, name = `${SCOPE}/node-${i}`): Replica {
  const seed = new Uint8Array(32).fill(0x40 + i);
  const key = r.verificationKey(name, 'cosignature', ed25519.getPublicKey(seed));
  return { key, sign: (message) => ed25519.sign(message, seed) };
}

export function policy(n: number, threshold: number, faults = 0, scope = SCOPE): r.TrustPolicy {
  return { scope, keys: Array.from({ length: n }, (_, i) => replica(i).key), threshold, faults };
}

export const TRUST: r.TrustStore = { policies: [policy(1, 1)] };

export function record(offset: number): r.ReceiptRecord {
  return {
    timestamp: 1790000000000 + offset,
    scarabId: BigInt(offset + 1) << 23n,
    offset,
    epoch: 1,
    schemaId: 1,
    algorithm: 'sha256',
    digest: new Uint8Array(32).fill(offset),
  };
}

export function leavesOf(algorithm: r.TreeAlgorithm, size: number): Uint8Array[] {
  const tree = r.treeHash(algorithm);
  return Array.from({ length: size }, (_, i) =>
    tree.leaf(r.encodeLeafRecord(r.leafRecordOf(record(i)))),
  );
}

export function signed(body: string, replicas: readonly Replica[]): string {
  return r.formatNote({
    body,
    signatures: replicas.map(({ key, sign }) => r.cosign(body, key, 1790000001, sign)),
  });
}

/** A receipt of record `offset` in a log of `size`, cosigned by `replicas`. */
export function receiptOf(
  offset = 2,
  size = 5,
  replicas: readonly Replica[] = [replica(0)],
  origin = ORIGIN,
): r.Receipt & { readonly inclusion: r.Inclusion; readonly checkpoint: string } {
  const tree = r.treeHash('blake3');
  const leaves = leavesOf('blake3', size);
  const root = r.rootOf(tree, leaves);
  const body = r.formatCheckpointBody({ origin, size, root, epoch: 1, time: 1790000001000 });
  return {
    origin,
    record: record(offset),
    inclusion: { size, path: r.inclusionPath(tree, leaves, offset) },
    checkpoint: signed(body, replicas),
  };
}

/** The verdict's code, or 'verified'. */
export function codeOf(verdict: { readonly ok: true } | r.Refusal): string {
  if (verdict.ok) return 'verified';
  assert.ok(r.REFUSAL_CODES.includes(verdict.code) && verdict.message.length > 10);
  return verdict.code;
}

export function unwrap<T>(parsed: r.Parsed<T>): T {
  assert.ok(parsed.ok, parsed.ok ? '' : `${parsed.code}: ${parsed.message}`);
  return parsed.value;
}

export function vectors(name: string): string {
  return readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8');
}

/** Bytes with one place changed: other bytes, a deletion, insertions. */
export function* editsOf(bytes: Uint8Array): Generator<Uint8Array> {
  const join = (...parts: (Uint8Array | number)[]) =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])));
  for (const [at, byte] of bytes.entries()) {
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
    for (const other of new Set([byte ^ 1, byte ^ 0x20, 0x20, 0x31])) {
      if (other !== byte) yield join(before, other, after);
    }
    yield join(before, after);
    for (const extra of [0x20, 0x0a, 0x30]) yield join(before, extra, bytes.subarray(at));
  }
  for (const extra of [0, 0x0a, 0x20, 0x7d]) yield join(bytes, extra);
}
