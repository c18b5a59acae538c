import { strict as assert } from 'node:assert';
import { barred } from '../../../bench/bars.ts';
import { formatNumber, judge, tableHead, tableRow } from '../../../bench/judge.ts';
import { median, quantile } from '../../../bench/sample.ts';

const figure = (metric: string, value: number, floor: number | null = null) => ({
  metric,
  value,
  unit: 'u',
  cpuPerOp: null,
  floor,
});

describe('bench: judging a figure', () => {
  it('holds a rate against its bar', () => {
    assert.equal(judge('log', figure('Merkle append', 4e6), 0).met, true);
    assert.equal(judge('log', figure('Merkle append', 3_999_999), 0).met, false);
  });

  it('holds a latency against its bar', () => {
    assert.equal(judge('notary', figure('submit p50, 256 clients', 20), 0).met, true);
    assert.equal(judge('notary', figure('submit p50, 256 clients', 20.1), 0).met, false);
  });

  it('holds a figure against a share of its floor', () => {
    assert.equal(judge('log', figure('durable batch, 4 in flight', 70, 100), 0).met, true);
    assert.equal(judge('log', figure('durable batch, 4 in flight', 69, 100), 0).met, false);
    assert.equal(judge('log', figure('single durable append p99', 160, 100), 0).met, true);
    assert.equal(judge('log', figure('single durable append p99', 161, 100), 0).met, false);
  });

  it('holds memory of the later half of a soak against that of the earlier half', () => {
    const later = (value: number) =>
      judge('store', figure('soak, peak memory of the later half', value, 20), 0);
    assert.deepEqual([later(25).met, later(25.1).met], [true, false]);
    assert.match(tableRow(later(30)), /1\.50.*<= 1\.25 x floor.*MISSED/);
  });

  it('holds a large partition against its bars', () => {
    for (const [metric, most] of [
      ['large partition, open after a clean stop', 100],
      ['large partition, open after kill -9', 2000],
      ['large partition, lookup by key', 2],
      ['large partition, a record beyond its payload', 128],
      ['sequencer, reads and stats at open', 1],
      ['memory to open 1 M Arrow rows', 20],
    ] as const) {
      assert.equal(judge('store', figure(metric, most), 0).met, true, metric);
      assert.equal(judge('store', figure(metric, most * 1.01), 0).met, false, metric);
    }
  });

  it('calls a bar on the floor missed when there is no floor', () => {
    assert.equal(judge('log', figure('single durable append p99', 1), 0).met, false);
    assert.equal(judge('log', figure('durable batch, 1 in flight', 9e9, 0), 0).met, false);
  });

  it('says when there is no bar', () => {
    const metric = judge('log', figure('something else', 1), 0.123);
    assert.deepEqual([metric.bar, metric.met, metric.peer, metric.load], [null, null, null, 0.12]);
    assert.match(tableRow(metric), /no bar/);
  });

  it('prints a missed bar as MISSED and lines the columns up', () => {
    const row = tableRow(judge('log', figure('Merkle append', 1e6), 1));
    assert.match(row, /1,000,000.*>= 4,000,000.*MISSED/);
    assert.equal(row.indexOf('MISSED'), tableHead().lastIndexOf('met'));
  });

  it('has every bar of its issue', () => {
    assert.ok(barred('log').length >= 8);
    assert.ok(barred('notary').includes('packed digests'));
  });

  it('keeps three digits', () => {
    assert.deepEqual([12_345.6, 12.345, 0.01234, 0].map(formatNumber), [
      '12,346',
      '12.3',
      '0.0123',
      '0',
    ]);
  });
});

describe('bench: quantiles', () => {
  it('takes the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.deepEqual([quantile(hundred, 0.99), median(hundred), quantile([], 0.5)], [99, 50, 0]);
    assert.equal(median([3, 1, 2]), 2);
  });
});
