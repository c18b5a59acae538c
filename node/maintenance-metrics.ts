import { Gauge, type Registry } from 'prom-client';
import type { Core, MaintenanceFigures } from '../native/index.ts';
import type { LogStore } from '../storage/index.ts';
import { addCounter, addGauge, oncePerScrape } from './read-metrics.ts';

/** Counters of maintenance as they are called outside; docs/OPERATIONS.md describes each. */
const COUNTERS = [
  ['merges', 'pyralog_storage_merges_total', 'Merges and compactions of segments (Y13).'],
  ['retentions', 'pyralog_storage_retentions_total', 'Times the beginning of a log moved (Y15).'],
  ['ageings', 'pyralog_storage_ageings_total', 'Segments that became Parquet.'],
  ['bytesDone', 'pyralog_storage_maintained_bytes', 'Bytes of records that maintenance read.'],
  ['filesDeleted', 'pyralog_storage_files_deleted_total', 'Files of segments deleted (Y11).'],
  [
    'failures',
    'pyralog_storage_maintenance_failures_total',
    'Maintenance that failed; it is tried again.',
  ],
] as const satisfies readonly (readonly [keyof MaintenanceFigures, string, string])[];

const GAUGES = [
  ['segments', 'pyralog_storage_segments_count', 'Sealed segments.'],
  ['quarantined', 'pyralog_storage_quarantined_count', 'Segments with a damaged range (Y8).'],
  ['openFiles', 'pyralog_storage_open_files_count', 'Files of segments that are open.'],
  ['workDoneBytes', 'pyralog_storage_work_done_bytes', 'Bytes read by the work under way.'],
  ['workTotalBytes', 'pyralog_storage_work_bytes', 'Bytes that the work under way reads in all.'],
] as const satisfies readonly (readonly [keyof MaintenanceFigures, string, string])[];

export interface MaintenanceMetricsSource {
  readonly registry: Registry;
  readonly core: Core;
  readonly logStore: LogStore;
}

/** Adds what compaction, retention and ageing of sealed segments do to a registry, read when asked. */
export function exportMaintenanceMetrics(source: MaintenanceMetricsSource): void {
  const { registry, core, logStore } = source;
  const figures = oncePerScrape(() => core.maintenance());
  for (const [field, name, help] of COUNTERS) {
    addCounter(registry, [name, help, () => figures()[field]]);
  }
  for (const [field, name, help] of GAUGES) {
    addGauge(registry, [name, help, () => figures()[field]]);
  }
  new Gauge({
    name: 'pyralog_storage_first_offset_total',
    help: 'First record that retention left, by partition.',
    labelNames: ['partition'],
    registers: [registry],
    collect() {
      for (const partition of logStore.partitions.keys()) {
        this.set({ partition: `${partition}` }, logStore.firstOffset(partition));
      }
    },
  });
}
