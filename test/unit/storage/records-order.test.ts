/** What a record store does when, against parts that fail and wait on purpose (objects.md O14, O16). */
import { strict as assert } from 'node:assert';
import { PyralogError } from '../../../base/errors.ts';
import {
  createRecordStore,
  decodeObjectReference,
  type LogStore,
  type ObjectStore,
  type RecordLog,
  type RecordStore,
} from '../../../storage/index.ts';
import { memoryParts, partitionsOf } from '../../support/memory-notary.ts';
import { noise, openPayloadParts, type PayloadParts } from '../../support/payload-parts.ts';
import { realClock } from '../../support/real-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { turns, until } from '../../support/until.ts';

const LONG = 100_000;

describe('the order in which records become durable', () => {
  const dir = tempDir();
  let parts: PayloadParts;
  let logs: ReturnType<typeof memoryParts>;
  beforeEach(async () => {
    parts = await openPayloadParts(dir());
    logs = memoryParts(partitionsOf(1), realClock);
  });
  afterEach(async () => {
    logs.replicator.close();
    await parts.close();
  });

  const storeOf = (change: { log?: RecordLog; objects?: ObjectStore; logStore?: LogStore } = {}) =>
    createRecordStore({
      log: change.log ?? logs.replicator,
      logStore: change.logStore ?? logs.store,
      objects: change.objects ?? parts.objects,
      schemas: parts.schemas,
    });
  const append = (records: RecordStore, seed: number) =>
    records.append(0, [{ value: noise(seed, LONG) }]);
  const sweepAll = async () => {
    const { objects } = parts;
    return (await objects.sweep(objects.beginCollection(), [])).objects;
  };
  /** A log that answers with this instead of appending. */
  const refusing = (code: string): RecordLog => ({
    propose: () => Promise.reject(new PyralogError(code, 'on purpose')),
  });

  it('proposes nothing before all objects of the batch are durable', async () => {
    const gate = Promise.withResolvers<void>();
    let puts = 0;
    let proposals = 0;
    const { objects } = parts;
    const slow: ObjectStore = Object.assign(Object.create(objects) as ObjectStore, {
      put: async (...given: Parameters<ObjectStore['put']>) => {
        puts++;
        const stored = await objects.put(...given);
        if (puts === 2) await gate.promise;
        return stored;
      },
    });
    const log: RecordLog = {
      propose: (...given) => {
        proposals++;
        return logs.replicator.propose(...given);
      },
    };
    const records = storeOf({ objects: slow, log });
    const running = records.append(0, [
      { value: noise(1, LONG) },
      { value: noise(2, 10) },
      { value: noise(3, LONG) },
    ]);
    await until(() => puts === 2);
    await turns(50);
    assert.deepEqual([proposals, logs.store.durableSize(0)], [0, 0]);
    gate.resolve();
    assert.equal((await running).outcomes.length, 3);
    assert.equal(proposals, 1);
  });

  it('proposes nothing when an object cannot be stored, and lets go of the others', async () => {
    let puts = 0;
    const { objects } = parts;
    const failing: ObjectStore = Object.assign(Object.create(objects) as ObjectStore, {
      put: (...given: Parameters<ObjectStore['put']>) => {
        puts++;
        if (puts === 1) return objects.put(...given);
        return Promise.reject(new PyralogError('storage/disk-full', 'on purpose'));
      },
    });
    const records = storeOf({ objects: failing });
    const batch = [{ value: noise(1, LONG) }, { value: noise(2, LONG) }];
    await assert.rejects(records.append(0, batch), { code: 'storage/disk-full' });
    assert.equal(logs.store.durableSize(0), 0);
    assert.equal(await sweepAll(), 1);
  });

  it('lets go of what a refused batch stored, and keeps what may still show', async () => {
    const refused = ['log/overloaded', 'storage/disk-full', 'consensus/not-leader'];
    for (const [i, code] of refused.entries()) {
      await assert.rejects(append(storeOf({ log: refusing(code) }), i), { code });
      assert.equal(await sweepAll(), 1, code);
    }
    const unknown = ['consensus/outcome-unknown', 'log/outcome-unknown', 'storage/poisoned'];
    for (const [i, code] of unknown.entries()) {
      const records = storeOf({ log: refusing(code) });
      await assert.rejects(append(records, 10 + i), { code });
      await records.close();
      assert.equal(await sweepAll(), 0, code);
    }
  });

  it('keeps an object until its record shows, through a collection that began before', async () => {
    let shown = 0;
    let gathering = Promise.withResolvers<void>();
    const { store } = logs;
    const late: LogStore = {
      ...store,
      durableSize: (partition) => Math.min(shown, store.durableSize(partition)),
      read(...given) {
        const rows = store.read(...given).slice(0, shown);
        gathering.resolve();
        return rows;
      },
    };
    const records = storeOf({ logStore: late });
    await append(records, 1);
    shown = 1;
    await append(records, 2);
    assert.equal((await records.collect()).objects, 0, 'it does not show yet, and is held');
    // It shows, and is let go of, when the collection has passed the end of the log.
    gathering = Promise.withResolvers();
    const collecting = records.collect();
    await gathering.promise;
    shown = 3;
    await append(records, 3);
    assert.equal((await collecting).objects, 0);
    for (const row of store.read(0, 0, 1 << 20)) {
      await parts.objects.check(row.value);
    }
    assert.equal((await records.collect()).objects, 0);
  });

  it('begins a collection before it reads, so that what is put meanwhile survives', async () => {
    await append(storeOf(), 1);
    const calls: string[] = [];
    const { objects } = parts;
    const told: ObjectStore = Object.assign(Object.create(objects) as ObjectStore, {
      beginCollection: () => {
        calls.push('begin');
        return objects.beginCollection();
      },
      sweep: (...given: Parameters<ObjectStore['sweep']>) => {
        calls.push('sweep');
        return objects.sweep(...given);
      },
    });
    const { store } = logs;
    const read: LogStore['read'] = (...given) => {
      calls.push('read');
      return store.read(...given);
    };
    await storeOf({ objects: told, logStore: { ...store, read } }).collect();
    assert.deepEqual(calls, ['begin', 'read', 'sweep']);
  });

  it('reads from where retention left the log, and frees what only removed records referred to', async () => {
    await append(storeOf(), 1);
    await append(storeOf(), 2);
    const { store } = logs;
    const shortened: LogStore = {
      ...store,
      firstOffset: () => 1,
      read(partition, offset, bytesMax) {
        if (offset < 1) throw new PyralogError('log/out-of-range', 'removed');
        return store.read(partition, offset, bytesMax);
      },
    };
    assert.equal((await storeOf({ logStore: shortened }).collect()).objects, 1);
    const [first, second] = store.read(0, 0, 1 << 20);
    await assert.rejects(parts.objects.check(first?.value ?? noise(0, 1)), {
      code: 'object/missing',
    });
    await parts.objects.check(second?.value ?? noise(0, 1));
  });

  it('removes nothing when a record cannot be read', async () => {
    await append(storeOf(), 1);
    await append(storeOf(), 2);
    const { store } = logs;
    const broken = (read: LogStore['read']) => storeOf({ logStore: { ...store, read } });
    const damaged = broken(() => {
      throw new PyralogError('storage/corrupt', 'on purpose');
    });
    await assert.rejects(damaged.collect(), { code: 'storage/corrupt' });
    await assert.rejects(broken(() => []).collect(), { code: 'storage/corrupt' });
    const enough = new Error('enough');
    await assert.rejects(storeOf().collect({ signal: AbortSignal.abort(enough) }), enough);
    const ids = store.read(0, 0, 1 << 20).map((row) => decodeObjectReference(row.value).id);
    assert.deepEqual(await parts.objects.verify(ids), []);
    assert.equal(ids.length, 2);
  });
});
