import { join } from 'node:path';
import {
  createMemoryIdSequencer,
  openLevelKeyValue,
  openLsmKeyValue,
  openMemoryKeyValue,
} from '../../storage/index.ts';
import { memoryParts, partitionsOf } from '../support/memory-notary.ts';
import { realClock } from '../support/real-clock.ts';
import { tempDir } from '../support/temp-dir.ts';
import { appendRecords, describeIdSequencer } from './id-sequencer.ts';
import { describeKeyValue } from './key-value.ts';
import { describeLogStore } from './log-store.ts';

describeKeyValue('in memory', openMemoryKeyValue);

describe('on disk', () => {
  const dir = tempDir();
  describeKeyValue('level', () => openLevelKeyValue(join(dir(), 'kv')));
  describeKeyValue('lsm', () => openLsmKeyValue(join(dir(), 'kv')));
});

describeLogStore('in memory', async () => {
  const partitions = partitionsOf(2).map((p, i) => ({ ...p, sha256: i === 0 }));
  const { store, replicator } = memoryParts(partitions, realClock);
  return {
    store,
    write: async (partition, proposal) => {
      await replicator.propose(partition, proposal, { wait: 'durable', paths: false });
    },
    close: async () => replicator.close(),
  };
});

describeIdSequencer('in memory', async () => {
  const ids = createMemoryIdSequencer(realClock, { coordinator: 5 });
  const { replicator } = memoryParts(partitionsOf(1), realClock, { ids });
  return {
    sequencer: ids,
    append: (count) => appendRecords(replicator, count),
    close: async () => replicator.close(),
  };
});
