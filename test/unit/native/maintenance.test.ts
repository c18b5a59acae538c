/** Policies reach the store's maintenance; what it removed is answered as such, and can be proved for ever (Y13 to Y16). */
import assert from 'node:assert/strict';
import { PyralogError } from '../../../base/errors.ts';
import {
  type Core,
  type CoreOptions,
  openCore,
  type PartitionPolicy,
} from '../../../native/index.ts';
import { multihash, options, outcomes, proposal, rows, temporary } from './support.ts';

/** Records of a segment, and of a proposal (store.md Z2). */
const SEGMENT = 262_144;
const BATCH = 8_192;

function withPolicy(dir: string, policy: PartitionPolicy): CoreOptions {
  const plain = options(dir, { walFileBytes: 16 << 20 });
  return {
    ...plain,
    partitions: plain.partitions.map((partition) => ({ ...partition, sha256: false, policy })),
    maintenance: { tickMs: 10, bytesPerSecond: 0 },
  };
}

async function fill(core: Core, records: number): Promise<void> {
  for (let from = 0; from < records; from += BATCH) {
    const labels = Array.from({ length: BATCH }, (_, at) => `${from + at}`);
    await core.propose(0, proposal(...labels), { wait: 'durable', paths: false });
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('maintenance of the native core', function () {
  this.timeout(120_000);
  let place: ReturnType<typeof temporary>;

  before(async () => {
    place = temporary();
    const core = await openCore(withPolicy(place.dir, {}));
    await fill(core, 2 * SEGMENT + BATCH);
    await core.close();
  });

  after(() => place.remove());

  it('keeps everything by default', async () => {
    const core = await openCore(withPolicy(place.dir, {}));
    await until(() => core.maintenance().segments === 2);
    assert.equal(core.firstOffset(0), 0);
    const { merges, retentions, ageings, failures, lastError } = core.maintenance();
    assert.deepEqual([merges, retentions, ageings, failures, lastError], [0, 0, 0, 0, undefined]);
    await core.close();
  });

  it('removes what the policy lets go, and says so', async () => {
    const core = await openCore(withPolicy(place.dir, { retainFrom: SEGMENT }));
    const path = core.inclusion(0, 5, 2 * SEGMENT, 'blake3');
    await until(() => core.firstOffset(0) === SEGMENT);
    await until(() => core.maintenance().segments === 1);
    assert.throws(
      () => core.read(0, 5, 0),
      (error) =>
        error instanceof PyralogError &&
        error.code === 'log/out-of-range' &&
        error.message.includes(`records before ${SEGMENT} were removed by retention`),
    );
    assert.equal(rows(core.read(0, SEGMENT, 0)).length, 1);
    assert.deepEqual(core.inclusion(0, 5, 2 * SEGMENT, 'blake3'), path);
    assert.deepEqual(core.offsetsOfDigest(0, multihash('5'), 9), []);
    const again = await core.propose(0, proposal('5'), { wait: 'checkpoint', paths: true });
    assert.deepEqual(
      outcomes(again.outcomes).map(({ status, offset }) => [status, offset]),
      [[1, 5]],
    );
    await core.close();
  });
});
