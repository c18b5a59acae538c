/** The native core that benches append to: one partition with a window that holds all that they append. */
import { type Core, openCore } from '../native/index.ts';

const WAL_FILE_BYTES = 64 * 2 ** 20;

/** Opens it in a new directory. */
export async function openBenchCore(dir: string): Promise<Core> {
  return await openCore({
    dir,
    fileLayer: 'real',
    walFileBytes: WAL_FILE_BYTES,
    partitions: [
      {
        origin: 'pyralog/bench-0000000000000000/local/bench/0',
        sha256: false,
        dedupWindowMs: 86_400_000,
        dedupRecords: 2_097_152,
      },
    ],
    coordinator: 0,
    cosigner: {
      name: 'pyralog/bench-0000000000000000/local/node-0',
      seed: new Uint8Array(32).fill(1),
    },
    checkpointMsMin: 25,
    leadMsMax: 7_200_000,
    queueBytesMax: WAL_FILE_BYTES,
  });
}
