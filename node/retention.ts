import type { MaintenanceOptions, PartitionPolicy } from '../native/index.ts';
import type { Config } from './config/schema.ts';

/** How the `retention` settings are told to the native core: 0 there is "off", which the core is not told of at all. */

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;

/** What happens to the sealed records of the node's log (docs/spec/manifest.md Y10, Y13, Y15). */
export function policyOf({ retention }: Config): PartitionPolicy {
  const { keepMiB, keepHours, keepFromOffset, coldAfterHours, mergeMiB } = retention;
  return {
    ...(mergeMiB > 0 ? { mergeBytes: mergeMiB * MIB } : {}),
    ...(keepMiB > 0 ? { retainBytes: keepMiB * MIB } : {}),
    ...(keepHours > 0 ? { retainMs: keepHours * HOUR_MS } : {}),
    ...(keepFromOffset > 0 ? { retainFrom: keepFromOffset } : {}),
    ...(coldAfterHours > 0 ? { coldAfterMs: coldAfterHours * HOUR_MS } : {}),
    latestByKey: retention.compaction === 'latest-by-key',
    tombstoneMs: retention.tombstoneHours * HOUR_MS,
  };
}

/** How fast, and how often, the store works on its segments (Y16). */
export function maintenanceOf({ retention }: Config): MaintenanceOptions {
  return { tickMs: retention.tickMs, bytesPerSecond: retention.mibPerSecond * MIB };
}
