import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Core, CoreOptions, PartitionOptions } from '../../native/types.ts';
import { type TrustStore, verificationKey } from '../../receipt/index.ts';
import { SCOPE } from './memory-notary.ts';

interface NativeModule {
  openCore(options: CoreOptions): Core | Promise<Core>;
}

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

/**
 * The native binding, or skips the running suite with its reason. `npm test` builds the addon first, so there it is
 * always present.
 */
export async function nativeOrSkip(context: Mocha.Context): Promise<NativeModule> {
  const path = '../../native/index.ts';
  try {
    return (await import(path)) as NativeModule;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_DLOPEN_FAILED') throw error;
    // Mocha throws here; what follows never runs.
    context.skip();
    throw error;
  }
}

/** A core over a fresh directory; `close` removes it. */
export async function openTestCore(
  native: NativeModule,
  partitions: readonly PartitionOptions[],
): Promise<{ core: Core; close: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'pyralog-core-'));
  const core = await native.openCore({
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
