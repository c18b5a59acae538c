import { strict as assert } from 'node:assert';
import { onAbort } from '../../../base/abort.ts';

describe('listeners of an abort signal', () => {
  it('are all told once, in order', () => {
    const { signal, abort } = source();
    const told: string[] = [];
    onAbort(signal, () => told.push('a'));
    onAbort(signal, () => told.push('b'));
    assert.deepEqual(told, []);
    abort();
    abort();
    assert.deepEqual(told, ['a', 'b']);
  });

  it('are not told when they left before, even while others are', () => {
    const { signal, abort } = source();
    const told: string[] = [];
    const leave = onAbort(signal, () => told.push('a'));
    onAbort(signal, () => told.push('b'));
    leave();
    leave();
    abort();
    assert.deepEqual(told, ['b']);
  });

  it('listen as often as they were added, and leave one by one', () => {
    const { signal, abort } = source();
    let told = 0;
    const listener = () => told++;
    const leave = onAbort(signal, listener);
    onAbort(signal, listener);
    leave();
    abort();
    assert.equal(told, 1);
  });

  it('of different signals have nothing to do with each other', () => {
    const [one, other] = [source(), source()];
    const told: string[] = [];
    onAbort(one.signal, () => told.push('one'));
    onAbort(other.signal, () => told.push('other'));
    other.abort();
    assert.deepEqual(told, ['other']);
  });
});

function source() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
