import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Core, openCore } from '../../../native/index.ts';
import { options, outcomes, proposal, rows, temporary } from './support.ts';

const durable = { wait: 'durable', paths: false } as const;

function start(core: Core, name: string, rounds: number): Worker {
  const workerData = { handle: core.handle, name, rounds };
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData });
}

describe('native core in worker threads', function () {
  this.timeout(20_000);
  let place: ReturnType<typeof temporary>;
  let core: Core;

  beforeEach(async () => {
    place = temporary();
    core = await openCore(options(place.dir));
  });

  afterEach(async () => {
    await core.close();
    place.remove();
  });

  it('orders proposals of the main thread and two workers', async () => {
    const workers = [start(core, 'x', 20), start(core, 'y', 20)];
    const answers = workers.map(async (worker) => {
      await once(worker, 'message');
      const [ids] = (await once(worker, 'message')) as [bigint[]];
      return ids;
    });
    const own: bigint[] = [];
    for (let i = 0; i < 50; i++) {
      const answer = await core.propose(0, proposal(`main-${i}`), durable);
      own.push(...outcomes(answer.outcomes).map(({ id }) => id));
    }
    const told = new Set([...own, ...(await Promise.all(answers)).flat()]);
    const stored = rows(core.read(0, 0, 1 << 30)).map(({ id }) => id);
    assert.equal(told.size, 50 + 2 * 20 * 8);
    assert.deepEqual(new Set(stored), told);
    assert.equal(core.durableSize(0), told.size);
  });

  it('goes on when a worker is terminated with proposals on the way', async () => {
    for (let round = 0; round < 5; round++) {
      const doomed = start(core, `doomed-${round}`, 1_000_000);
      await once(doomed, 'message');
      const pending = core.propose(0, proposal(`while-${round}`), durable);
      await doomed.terminate();
      await pending;
      await core.propose(0, proposal(`after-${round}`), durable);
    }
    const size = core.durableSize(0);
    assert.equal(core.inclusion(0, 0, size, 'blake3').length % 32, 0);
    const survivor = start(core, 'survivor', 3);
    await once(survivor, 'message');
    const [ids] = (await once(survivor, 'message')) as [bigint[]];
    assert.equal(ids.length, 24);
  });
});
