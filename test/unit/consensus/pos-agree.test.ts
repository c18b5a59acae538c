import { strict as assert } from 'node:assert';
import { sameChain } from './pos-app.ts';
import { World } from './pos-world.ts';

describe('pos: agreement', () => {
  it('decides alone', async () => {
    const world = new World(1);
    const [node] = await world.startAll();
    await world.until(() => node?.app.head()?.height === 1);
    node?.app.add('a');
    await world.until(() => node?.app.transactions.includes('a') ?? false);
    await world.stopAll();
    assert.deepEqual(node?.bugs, []);
  });

  it('decides blocks among four', async () => {
    const world = new World(4);
    const nodes = await world.startAll({ emptyBlocks: true });
    await world.until(() => nodes.every(({ app }) => (app.head()?.height ?? 0) >= 50));
    for (const a of nodes) {
      for (const b of nodes) assert.ok(sameChain(a.app.store, b.app.store));
      assert.deepEqual(a.bugs, []);
      assert.deepEqual(world.net.reports, []);
    }
    await world.stopAll();
  });
});
