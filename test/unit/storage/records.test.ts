import { createSoloReplicator } from '../../../consensus/index.ts';
import { openNativeLogStore } from '../../../storage/index.ts';
import { describeRecordStore } from '../../contract/record-store.ts';
import { memoryParts, partitionsOf } from '../../support/memory-notary.ts';
import { openTestCore } from '../../support/native-core.ts';
import { realClock } from '../../support/real-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('record stores', () => {
  const dir = tempDir();

  describeRecordStore('over logs in memory', {
    dir,
    make: async () => {
      const { store, replicator } = memoryParts(partitionsOf(2), realClock);
      return { store, replicator, close: async () => replicator.close() };
    },
  });

  describeRecordStore('over the native core', {
    dir,
    make: async () => {
      const partitions = partitionsOf(2);
      const { core, close } = await openTestCore(partitions);
      const store = openNativeLogStore(core, partitions);
      return { store, replicator: createSoloReplicator(core, partitions.length), close };
    },
  });
});
