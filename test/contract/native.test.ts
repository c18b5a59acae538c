import { createSoloReplicator } from '../../consensus/index.ts';
import { createNotary } from '../../notary/index.ts';
import { openNativeIdSequencer, openNativeLogStore } from '../../storage/index.ts';
import { partitionsOf } from '../support/memory-notary.ts';
import { nativeTrust, openTestCore } from '../support/native-core.ts';
import { realClock } from '../support/real-clock.ts';
import { appendRecords, describeIdSequencer } from './id-sequencer.ts';
import { describeLogStore } from './log-store.ts';
import { describeNotary } from './notary.ts';
import { describeReplicator } from './replicator.ts';

/** The suites that the native core joins; the same that the in-memory versions pass. */
describe('on the native core', () => {
  describeLogStore('native', async () => {
    const partitions = partitionsOf(2).map((p, i) => ({ ...p, sha256: i === 0 }));
    const { core, close } = await openTestCore(partitions);
    return {
      store: openNativeLogStore(core, partitions),
      write: async (partition, proposal) => {
        await core.propose(partition, proposal, { wait: 'durable', paths: false });
      },
      close,
    };
  });

  describeIdSequencer('native', async () => {
    const { core, close } = await openTestCore(partitionsOf(1));
    const replicator = createSoloReplicator(core, 1);
    return {
      sequencer: openNativeIdSequencer(core, 0),
      append: (count) => appendRecords(replicator, count),
      close,
    };
  });

  describeReplicator('solo', async () => {
    const partitions = partitionsOf(2);
    const { core, close } = await openTestCore(partitions);
    return {
      replicator: createSoloReplicator(core, partitions.length),
      store: openNativeLogStore(core, partitions),
      trust: nativeTrust,
      close,
    };
  });

  describeNotary('native', async () => {
    const partitions = partitionsOf(1);
    const { core, close } = await openTestCore(partitions);
    const replicator = createSoloReplicator(core, partitions.length);
    const logStore = openNativeLogStore(core, partitions);
    const notary = createNotary(
      { replicator, checkpoints: replicator, logStore, clock: realClock },
      { checkpointMsMin: 2 },
    );
    return { notary, trust: nativeTrust, close };
  });
});
