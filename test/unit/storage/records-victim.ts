/**
 * A process that appends records whose payloads are objects, over files that lose what is not synced, and says which were
 * acknowledged, until it is killed. As `mutant` its objects are answered for before they are durable.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openCore } from '../../../native/index.ts';
import {
  createRecordStore,
  type ObjectStore,
  openNativeLogStore,
  openObjects,
} from '../../../storage/index.ts';
import { noise, openPayloadParts } from '../../support/payload-parts.ts';
import { options } from '../native/support.ts';

const [dir = '', round = '0', kind = ''] = process.argv.slice(2);
const chosen = options(dir, { fileLayer: 'lose-unsynced' });
const core = await openCore(chosen);
const logStore = openNativeLogStore(core, chosen.partitions);
const parts = await openPayloadParts(dir, 'lose-unsynced');
const objects = kind === 'mutant' ? await eager(parts.objects) : parts.objects;
const records = createRecordStore({ log: core, logStore, objects, schemas: parts.schemas });

/** Knows what an object will be called and answers with that; a kill comes before it is stored. */
async function eager(real: ObjectStore): Promise<ObjectStore> {
  const elsewhere = await openObjects(join(dir, `elsewhere-${round}`));
  return Object.assign(Object.create(real) as ObjectStore, {
    put: (...given: Parameters<ObjectStore['put']>) => elsewhere.put(...given),
  });
}

async function client(number: number): Promise<void> {
  for (let at = 0; ; at++) {
    const seed = Number(round) * 1_000_000 + number * 10_000 + at;
    const value = noise(seed, 70_000 + (seed % 7) * 9_000);
    const { outcomes } = await records.append(0, [{ value }]);
    const [outcome] = outcomes;
    writeSync(1, `${outcome?.offset} ${seed}\n`);
  }
}

await Promise.all(Array.from({ length: 4 }, (_, number) => client(number)));
