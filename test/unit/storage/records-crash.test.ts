/**
 * The power fails at every step of appends and collections in turn. What is not synced stays in the memory of the process
 * (`lose-unsynced`), so a copy of the directory, made between two steps, is what a power cut would leave.
 */
import { strict as assert } from 'node:assert';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { type Core, openCore } from '../../../native/index.ts';
import {
  createRecordStore,
  type ObjectStore,
  openNativeLogStore,
  type RecordLog,
  type RecordStore,
} from '../../../storage/index.ts';
import { noise, openPayloadParts, type PayloadParts } from '../../support/payload-parts.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { options } from '../native/support.ts';

/** What was acknowledged when a copy was made: offset and seed of each record. */
interface Image {
  readonly dir: string;
  readonly step: string;
  readonly told: ReadonlyMap<number, number>;
}

const payload = (seed: number) => noise(seed, 66_000 + 9_000 * (seed % 3));

describe('record store, the power failing at each step', function () {
  this.timeout(120_000);
  const dir = tempDir();
  let core: Core;
  let parts: PayloadParts;
  let images: Image[];
  let told: Map<number, number>;

  beforeEach(async () => {
    images = [];
    told = new Map();
    const lossy = { fileLayer: 'lose-unsynced' } as const;
    core = await openCore(options(join(dir(), 'live'), lossy));
    parts = await openPayloadParts(join(dir(), 'live'), lossy.fileLayer);
  });
  afterEach(async () => {
    await parts.close();
    await core.close();
  });

  function image(step: string): void {
    const copy = join(dir(), `image-${images.length}`);
    cpSync(join(dir(), 'live'), copy, { recursive: true });
    images.push({ dir: copy, step, told: new Map(told) });
  }

  /** Makes an image before and after a step. */
  async function around<T>(step: string, work: () => Promise<T>): Promise<T> {
    image(`before ${step}`);
    const result = await work();
    image(`after ${step}`);
    return result;
  }

  function recordsOver(objects: ObjectStore): RecordStore {
    const log: RecordLog = {
      propose: (...given) => around('propose', () => core.propose(...given)),
    };
    const stepwise: ObjectStore = Object.assign(Object.create(objects) as ObjectStore, {
      put: (...given: Parameters<ObjectStore['put']>) => around('put', () => objects.put(...given)),
      sweep: (...given: Parameters<ObjectStore['sweep']>) =>
        around('sweep', () => objects.sweep(...given)),
    });
    const logStore = openNativeLogStore(core, options(dir()).partitions);
    return createRecordStore({ log, logStore, objects: stepwise, schemas: parts.schemas });
  }

  /** Appends, with payloads that come again and dead objects to collect. */
  async function work(records: RecordStore): Promise<void> {
    for (let round = 0; round < 5; round++) {
      const seeds = [round * 2, round * 2 + 1, round];
      const batch = seeds.map((seed) => ({ value: payload(seed) }));
      const { outcomes } = await records.append(0, batch);
      for (const [i, { offset }] of outcomes.entries()) told.set(offset, seeds[i] ?? 0);
      const { pin } = await parts.objects.put(noise(1_000 + round, 80_000));
      pin.release();
      if (round % 2 === 1) await records.collect();
    }
  }

  /** Records of an image without their payload, and acknowledged ones that are gone. */
  async function missing({ dir: copy, told: acknowledged }: Image): Promise<number> {
    const opened = await openCore(options(copy));
    const beside = await openPayloadParts(copy);
    const logStore = openNativeLogStore(opened, options(copy).partitions);
    const records = createRecordStore({ log: opened, logStore, ...beside });
    try {
      await records.collect();
      let lost = 0;
      const size = logStore.durableSize(0);
      for (let offset = 0; offset < size; offset++) {
        const row = logStore.read(0, offset, 0)[0];
        assert.ok(row !== undefined);
        const found = await records.payload(row, { bytesMax: 1 << 20 }).catch(() => undefined);
        const seed = acknowledged.get(offset);
        const isRight = found !== undefined && (seed === undefined || payload(seed).equals(found));
        if (!isRight) lost++;
      }
      for (const offset of acknowledged.keys()) if (offset >= size) lost++;
      // It goes on where it was.
      const { outcomes } = await records.append(0, [{ value: noise(5_000, 70_000) }]);
      assert.equal(outcomes[0]?.status, 'new');
      return lost;
    } finally {
      await records.close();
      await beside.close();
      await opened.close();
    }
  }

  it('has the payload of every record in the log', async () => {
    await work(recordsOver(parts.objects));
    assert.ok(images.length > 40, `${images.length} images`);
    for (const one of images) assert.equal(await missing(one), 0, one.step);
  });

  it('notices objects that are answered for before they are durable', async () => {
    // The reference is right, but what it names reaches the disk after the record.
    const late: (() => Promise<unknown>)[] = [];
    const elsewhere = await openPayloadParts(join(dir(), 'elsewhere'));
    const eager: ObjectStore = Object.assign(Object.create(parts.objects) as ObjectStore, {
      put: async (...given: Parameters<ObjectStore['put']>) => {
        late.push(() => parts.objects.put(...given));
        return elsewhere.objects.put(...given);
      },
    });
    const records = recordsOver(eager);
    await records.append(0, [{ value: payload(1) }]);
    image('the answer');
    for (const put of late) await put();
    const lost = await Promise.all(images.map((one) => missing(one)));
    assert.ok(lost.at(-1) === 1, 'the record was acknowledged, its payload is nowhere');
    await elsewhere.close();
  });
});
