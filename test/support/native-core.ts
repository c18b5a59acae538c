import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import { type Core, openCore, type PartitionOptions } from '../../native/index.ts';
import { type TrustStore, verificationKey } from '../../receipt/index.ts';
import { SCOPE } from './memory-notary.ts';

const SEED = new Uint8Array(32).fill(9);
const KEY_NAME = `${SCOPE}/node-0`;

/** Trusts the replica that {@link openTestCore} opens. */
export const nativeTrust: TrustStore = {
  policies: [
    {
      scope: SCOPE,
      keys: [verificationKey(KEY_NAME, 'cosignature', ed25519.getPublicKey(SEED))],
      threshold: 1,
      faults: 0,
    },
  ],
};

/** A core over a fresh directory; `close` removes it. */
export async function openTestCore(
  partitions: readonly PartitionOptions[],
): Promise<{ core: Core; close: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'pyralog-core-'));
  const core = await openCore({
    dir: join(dir, 'store'),
    fileLayer: 'real',
    walFileBytes: 16 << 20,
    partitions,
    coordinator: 0,
    cosigner: { name: KEY_NAME, seed: SEED },
    logSeed: new Uint8Array(32).fill(10),
    checkpointMsMin: 5,
    leadMsMax: 7_200_000,
    queueBytesMax: 64 << 20,
  });
  return {
    core,
    close: async () => {
      await core.close();
      await rm(dir, { recursive: true });
    },
  };
}
