import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../node/index.ts';
import { maintenanceOf, policyOf } from '../../../node/retention.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('retention settings', () => {
  const dir = tempDir();
  const load = async (yaml: string) => {
    writeFileSync(join(dir(), 'pyralog.yaml'), yaml);
    const sources = { environment: {}, flags: {}, workingDir: dir() };
    return (await loadConfig(sources)).config;
  };

  it('keep everything for ever when nothing is said', async () => {
    const config = await load('');
    assert.deepEqual(policyOf(config), { latestByKey: false, tombstoneMs: 86_400_000 });
    assert.deepEqual(maintenanceOf(config), { tickMs: 10_000, bytesPerSecond: 32 * 2 ** 20 });
  });

  it('reach the core in bytes and milliseconds', async () => {
    const config = await load(`retention:
  keepMiB: 2
  keepHours: 3
  keepFromOffset: 4
  compaction: latest-by-key
  tombstoneHours: 0
  coldAfterHours: 5
  mergeMiB: 6
  mibPerSecond: 0
`);
    assert.deepEqual(policyOf(config), {
      mergeBytes: 6 * 2 ** 20,
      retainBytes: 2 * 2 ** 20,
      retainMs: 3 * 3_600_000,
      retainFrom: 4,
      coldAfterMs: 5 * 3_600_000,
      latestByKey: true,
      tombstoneMs: 0,
    });
    assert.equal(maintenanceOf(config).bytesPerSecond, 0);
  });
});
