/** A core in a directory of its own, for the tests of the native facade. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CoreOptions } from '../../../native/index.ts';

export const origin = 'pyralog/test-0011223344556677/local/notary/0';

/** A fresh directory, and how to remove it. */
export function temporary(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'pyralog-native-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function options(dir: string, changed: Partial<CoreOptions> = {}): CoreOptions {
  return {
    dir: join(dir, 'store'),
    fileLayer: 'real',
    walFileBytes: 1 << 20,
    partitions: [{ origin, sha256: true, dedupWindowMs: 86_400_000, dedupRecords: 2_097_152 }],
    coordinator: 0,
    cosigner: {
      name: 'pyralog/test-0011223344556677/local/node-0',
      seed: new Uint8Array(32).fill(1),
    },
    logSeed: new Uint8Array(32).fill(2),
    checkpointMsMin: 25,
    leadMsMax: 7_200_000,
    queueBytesMax: 16 << 20,
    ...changed,
  };
}

export function digest(label: string): Buffer {
  return createHash('sha256').update(label).digest();
}

export function multihash(label: string): Buffer {
  return Buffer.concat([Buffer.from([0x12, 32]), digest(label)]);
}

/** A uniform proposal (B2) of SHA-256 digests of the labels, without a submitter. */
export function proposal(...labels: string[]): Buffer {
  const head = Buffer.from([2, 0x12, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(labels.length, 4);
  return Buffer.concat([head, ...labels.map(digest)]);
}

export type Outcome = { status: number; epoch: number; offset: number; id: bigint };

/** Packed outcomes (B4). */
export function outcomes(packed: Uint8Array): Outcome[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  return Array.from({ length: bytes.length / 40 }, (_, i) => ({
    status: bytes.readUInt8(i * 40),
    epoch: bytes.readUInt32LE(i * 40 + 4),
    offset: Number(bytes.readBigUInt64LE(i * 40 + 8)),
    id: bytes.readBigUInt64LE(i * 40 + 16),
  }));
}

/** Leaf record and value of each packed row (B5) without key and headers. */
export function rows(packed: Uint8Array): { leaf: Uint8Array; id: bigint; value: Uint8Array }[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length);
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const row = bytes.subarray(at + 4, at + 4 + length);
    found.push({
      leaf: new Uint8Array(row.subarray(0, 128)),
      id: row.readBigUInt64LE(8),
      value: new Uint8Array(row.subarray(140)),
    });
    at += 4 + length;
  }
  return found;
}
