import { strict as assert } from 'node:assert';
import { Newest } from '../../../consensus/index.ts';

describe('the newest of something', () => {
  const never = new AbortController().signal;

  it('gives readers what is set from when they came, or also what was before', async () => {
    const newest = new Newest<number>();
    newest.set(1);
    const now = newest.read('now', never)[Symbol.asyncIterator]();
    const next = newest.read('next', never)[Symbol.asyncIterator]();
    assert.deepEqual(await now.next(), { done: false, value: 1 });
    const waiting = next.next();
    newest.set(2);
    assert.deepEqual(await waiting, { done: false, value: 2 });
    assert.deepEqual(await now.next(), { done: false, value: 2 });
    newest.end();
    assert.equal((await now.next()).done, true);
    assert.equal((await next.next()).done, true);
  });

  it('misses nothing between the call and the first read', async () => {
    const newest = new Newest<number>();
    const next = newest.read('next', never)[Symbol.asyncIterator]();
    newest.set(7);
    assert.deepEqual(await next.next(), { done: false, value: 7 });
  });

  it('lets a slow reader miss what was replaced, never the last', async () => {
    const newest = new Newest<number>();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const value of newest.read('now', never)) {
        seen.push(value);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    })();
    for (let value = 1; value <= 100; value++) {
      newest.set(value);
      if (value % 10 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    newest.end();
    await reading;
    assert.equal(seen.at(-1), 100);
    assert.ok(seen.length < 100);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    );
  });

  it('ends with the signal, asleep or not', async () => {
    const newest = new Newest<number>();
    const stop = new AbortController();
    const reader = newest.read('now', stop.signal)[Symbol.asyncIterator]();
    const asleep = reader.next();
    stop.abort();
    assert.equal((await asleep).done, true);
    newest.set(1);
    const late = newest.read('now', stop.signal)[Symbol.asyncIterator]();
    assert.equal((await late.next()).done, true);
  });
});
