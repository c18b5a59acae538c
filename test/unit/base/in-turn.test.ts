import { strict as assert } from 'node:assert';
import { inTurn } from '../../../base/in-turn.ts';

describe('base: in turn', () => {
  it('runs one task after the other, also behind one that fails', async () => {
    const turn = inTurn();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = turn(async () => {
      seen.push('first begins');
      await gate.promise;
      seen.push('first ends');
      throw new Error('of the first');
    });
    const second = turn(() => seen.push('second'));
    gate.resolve();
    await assert.rejects(first, /of the first/u);
    assert.equal(await second, 3);
    assert.deepEqual(seen, ['first begins', 'first ends', 'second']);
  });
});
