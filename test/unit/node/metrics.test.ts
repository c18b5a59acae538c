import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { addCounter, addGauge, oncePerScrape } from '../../../node/read-metrics.ts';

describe('metrics of the node', () => {
  it('are of one reading a scrape, and of a new one the next time', async () => {
    const registry = new Registry();
    let reads = 0;
    const figures = oncePerScrape(() => ({ reads: ++reads }));
    addCounter(registry, ['one_total', 'The first.', () => figures().reads]);
    addGauge(registry, ['two_count', 'The second.', () => figures().reads]);
    for (const scrape of [1, 2]) {
      const text = await registry.metrics();
      assert.match(text, new RegExp(`^one_total ${scrape}$`, 'mu'));
      assert.match(text, new RegExp(`^two_count ${scrape}$`, 'mu'));
    }
    assert.equal(reads, 2);
  });
});
