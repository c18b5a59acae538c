import { createNotary } from '../../notary/index.ts';
import { memoryParts, partitionsOf } from '../support/memory-notary.ts';
import { realClock } from '../support/real-clock.ts';
import { describeNotary } from './notary.ts';

describeNotary('in memory', async () => {
  const { store, replicator, trust } = memoryParts(partitionsOf(1), realClock);
  const notary = createNotary(
    { replicator, checkpoints: replicator, logStore: store, clock: realClock },
    { checkpointMsMin: 2 },
  );
  return { notary, trust, close: async () => replicator.close() };
});
