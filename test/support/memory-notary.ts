import type { Clock } from '../../base/time.ts';
import {
  createCosigner,
  createMemoryReplicator,
  createMemorySignedStates,
} from '../../consensus/index.ts';
import type { TrustStore } from '../../receipt/index.ts';
import {
  createMemoryIdSequencer,
  createMemoryLogStore,
  type LogPartition,
} from '../../storage/index.ts';

export const SCOPE = 'pyralog/devnet-0011223344556677/local';

/** Partitions of one log, with small numbers where a test wants them. */
export function partitionsOf(count: number, change: Partial<LogPartition> = {}): LogPartition[] {
  return Array.from({ length: count }, (_, i) => ({
    origin: `${SCOPE}/notary/${i}`,
    sha256: false,
    dedupWindowMs: 86_400_000,
    dedupRecords: 2_097_152,
    ...change,
  }));
}

/** Log store, cosigner and replicator in memory, and the trust that fits them. */
export function memoryParts(
  partitions: readonly LogPartition[],
  clock: Clock,
  { ids = createMemoryIdSequencer(clock), seed = 7 } = {},
) {
  const store = createMemoryLogStore(partitions);
  const cosigner = createCosigner(
    { logStore: store, states: createMemorySignedStates(), clock },
    { name: `${SCOPE}/node-0`, seed: new Uint8Array(32).fill(seed) },
  );
  const replicator = createMemoryReplicator(
    { store, cosigner, clock, ids },
    { checkpointMsMin: 5 },
  );
  const trust: TrustStore = {
    policies: [{ scope: SCOPE, keys: [cosigner.key], threshold: 1, faults: 0 }],
  };
  return { store, cosigner, replicator, trust };
}
