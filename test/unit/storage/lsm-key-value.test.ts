import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  attachLsmKeyValue,
  type KeyValueReader,
  type LsmKeyValue,
  openLsmKeyValue,
} from '../../../storage/index.ts';
import { killedVictim } from '../../support/killed-victim.ts';
import { tempDir } from '../../support/temp-dir.ts';

const text = (value: string) => Buffer.from(value);
const put = (key: string, value: string) =>
  ({ kind: 'put', key: text(key), value: text(value) }) as const;
const get = async (kv: KeyValueReader, key: string) => {
  const value = await kv.get(text(key));
  return value === undefined ? undefined : Buffer.from(value).toString();
};
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => put(`key ${String(i).padStart(6, '0')}`, `value ${i}`));

describe('LSM key-value store', () => {
  const place = tempDir();
  const dir = () => join(place(), 'kv');
  let kv: LsmKeyValue;
  afterEach(() => kv.close());

  it('keeps what it was given when it is opened again', async () => {
    kv = await openLsmKeyValue(dir());
    await kv.batch([put('a', '1'), put('b', '2')]);
    await kv.close();
    kv = await openLsmKeyValue(dir());
    assert.deepEqual([await get(kv, 'a'), await get(kv, 'b')], ['1', '2']);
  });

  it('commits batches that wait as one', async () => {
    kv = await openLsmKeyValue(dir());
    await Promise.all(many(200).map((op) => kv.batch([op])));
    const { batches, groupCommits } = kv.stats();
    assert.equal(batches, 200);
    assert.ok(groupCommits < 100, `${groupCommits} group commits`);
  });

  it('walks ranges of many chunks in both directions, beside writes', async () => {
    kv = await openLsmKeyValue(dir());
    const ops = many(20_000);
    await kv.batch(ops);
    for (const reverse of [false, true]) {
      const expected = reverse ? [...ops].reverse() : ops;
      let at = 0;
      for await (const [key, value] of kv.range({ reverse })) {
        if (at % 5_000 === 0) await kv.batch([put('key 000000 more', String(at))]);
        const { key: wanted, value: held } = expected[at++] ?? put('', '');
        assert.ok(wanted.equals(key) && held.equals(value), `entry ${at}`);
      }
      assert.equal(at, ops.length);
      await kv.batch([{ kind: 'delete', key: text('key 000000 more') }]);
    }
  });

  it('ends a long walk with its signal while a chunk is on its way', async () => {
    kv = await openLsmKeyValue(dir());
    await kv.batch(many(5_000));
    const controller = new AbortController();
    const enough = new Error('enough');
    const walk = kv.range({ signal: controller.signal })[Symbol.asyncIterator]();
    const first = walk.next();
    controller.abort(enough);
    await assert.rejects(first, enough);
    assert.deepEqual(await walk.next(), { done: true, value: undefined });
  });

  it('refuses keys that are empty or too long, and nothing of such a batch counts', async () => {
    kv = await openLsmKeyValue(dir());
    for (const key of ['', 'k'.repeat(4_097)]) {
      await assert.rejects(kv.batch([put('good', '1'), put(key, '1')]), {
        code: 'batch/malformed',
      });
      await assert.rejects(kv.get(text(key)), { code: 'batch/malformed' });
    }
    assert.equal(await get(kv, 'good'), undefined);
    await kv.batch([put('k'.repeat(4_096), '1')]);
  });

  it('refuses a second opening of the directory', async () => {
    kv = await openLsmKeyValue(dir());
    await assert.rejects(openLsmKeyValue(dir()), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'storage/locked');
      assert.ok(error.message.includes(dir()), error.message);
      return true;
    });
  });

  it('refuses batches while too little space is free, before anything is written', async () => {
    kv = await openLsmKeyValue(dir(), { reserveBytes: 2 ** 52 });
    await assert.rejects(kv.batch([put('a', '1')]), { code: 'storage/disk-full' });
    assert.equal(await get(kv, 'a'), undefined);
    await kv.close();
    kv = await openLsmKeyValue(dir());
    await kv.batch([put('a', '1')]);
  });

  it('refuses to open over damage in front of acknowledged batches, and cuts a torn tail', async () => {
    kv = await openLsmKeyValue(dir());
    for (const op of many(3)) await kv.batch([op]);
    await kv.close();
    const journal = join(dir(), 'data', '0.jnl');
    assert.ok(readdirSync(join(dir(), 'data')).includes('0.jnl'));
    const good = readFileSync(journal);
    const flipped = Buffer.from(good);
    const first = good.indexOf('value 0');
    flipped[first] = (good[first] ?? 0) ^ 4;
    writeFileSync(journal, flipped);
    await assert.rejects(openLsmKeyValue(dir()), { code: 'storage/corrupt' });
    writeFileSync(journal, good.subarray(0, good.indexOf('value 2') + 3));
    kv = await openLsmKeyValue(dir());
    assert.equal(await get(kv, 'key 000001'), 'value 1');
    assert.equal(await get(kv, 'key 000002'), undefined);
    assert.ok(kv.stats().cutBytes > 0);
  });

  it('serves other threads, which cannot close it', async () => {
    kv = await openLsmKeyValue(dir());
    const worker = new Worker(new URL('./lsm-worker.ts', import.meta.url), {
      workerData: kv.handle,
    });
    const [answer] = await once(worker, 'message');
    assert.equal(answer, 'written and read');
    await once(worker, 'exit');
    assert.equal(await get(kv, 'from the worker'), '1');
    const view = attachLsmKeyValue(kv.handle);
    await view.close();
    await assert.rejects(view.get(text('a')), { code: 'storage/key-value-closed' });
    assert.throws(() => attachLsmKeyValue(0), { code: 'storage/key-value-closed' });
  });
});

describe('LSM key-value store on a full disk', () => {
  let kv: LsmKeyValue | undefined;
  let mounted = false;
  // Before the directory is removed.
  afterEach(async () => {
    await kv?.close();
    if (mounted) execFileSync('umount', [disk()]);
    mounted = false;
  });
  const place = tempDir();
  const disk = () => join(place(), 'disk');
  const ballast = () => join(disk(), 'ballast');
  beforeEach(function () {
    mkdirSync(disk());
    try {
      const options = ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk()];
      execFileSync('mount', options, { stdio: 'ignore' });
    } catch {
      this.skip(); // needs root
    }
    mounted = true;
  });

  /** Writes until a batch is refused; how many resolved. */
  async function fill(store: LsmKeyValue): Promise<number> {
    const value = Buffer.alloc(1 << 18, 7);
    for (let count = 0; ; count++) {
      try {
        await store.batch([{ kind: 'put', key: text(`filler ${count}`), value }]);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'storage/disk-full', String(error));
        return count;
      }
    }
  }

  async function assertFilled(store: LsmKeyValue, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      assert.equal((await store.get(text(`filler ${i}`)))?.length, 1 << 18, `filler ${i}`);
    }
  }

  it('refuses early when the disk is full, and goes on by itself once there is room', async () => {
    writeFileSync(ballast(), Buffer.alloc(12 << 20, 1));
    kv = await openLsmKeyValue(join(disk(), 'kv'), { reserveBytes: 4 << 20 });
    const count = await fill(kv);
    await assertFilled(kv, count);
    rmSync(ballast());
    await kv.batch([put('after', '1')]);
    assert.equal(await get(kv, 'after'), '1');
    await assertFilled(kv, count);
  });

  it('loses nothing that resolved when a write itself fails', async () => {
    writeFileSync(ballast(), Buffer.alloc(12 << 20, 1));
    kv = await openLsmKeyValue(join(disk(), 'kv'), { reserveBytes: 0 });
    const count = await fill(kv);
    await assert.rejects(kv.batch([put('more', '1')]), { code: 'storage/disk-full' });
    await kv.close();
    rmSync(ballast());
    kv = await openLsmKeyValue(join(disk(), 'kv'), { reserveBytes: 0 });
    await assertFilled(kv, count);
    await kv.batch([put('after', '1')]);
    assert.equal(await get(kv, 'after'), '1');
  });
});

describe('LSM key-value store killed under load', function () {
  this.timeout(60_000);
  const place = tempDir();

  /** Lets the victim acknowledge `lines` batches, then kills it. */
  const load = (dir: string, name: string, lines: number) =>
    killedVictim(new URL('./lsm-victim.ts', import.meta.url), [dir, name], lines);

  /** Every batch of a client up to `held` is there as it was written, and nothing of the next. */
  async function assertWhole(kv: LsmKeyValue, client: string, held: number): Promise<void> {
    for (let round = 0; round <= held + 1; round++) {
      const label = `${client}-${round}`;
      const right = round <= held ? label.repeat(50) : undefined;
      assert.equal(await get(kv, `right-${label}`), right);
      const left = right !== undefined && round > held - 2 ? label : undefined;
      assert.equal(await get(kv, `left-${label}`), left);
    }
  }

  it('has everything that resolved, and of every batch all or nothing', async () => {
    const dir = join(place(), 'kv');
    const told: string[] = [];
    for (let round = 0; round < 3; round++) told.push(...(await load(dir, `r${round}`, 150)));
    const newest = new Map<string, number>();
    for (const line of told) {
      const [name, number, round] = line.split(' ');
      newest.set(`${name}-${number}`, Number(round));
    }
    const kv = await openLsmKeyValue(dir);
    for (const [client, resolved] of newest) {
      const held = Number(await get(kv, `newest-${client}`));
      assert.ok(held >= resolved, `${client} has ${held}, ${resolved} resolved`);
      await assertWhole(kv, client, held);
    }
    await kv.close();
    assert.ok(told.length >= 450);
  });
});
