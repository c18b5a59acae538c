import { Counter, Gauge, Registry } from 'prom-client';
import type { Core, CoreStats } from '../native/index.ts';
import type { LogStore } from '../storage/index.ts';
import { exportMaintenanceMetrics } from './maintenance-metrics.ts';
import { addCounter, addGauge, oncePerScrape, type ReadMetric } from './read-metrics.ts';
import { readShared } from './shared-figures.ts';

/** Counters of the core as they are called outside; docs/OPERATIONS.md describes each. */
const COUNTERS = [
  ['fdatasyncs', 'pyralog_storage_fdatasyncs_total', 'Syncs of the write-ahead log.'],
  [
    'groupCommits',
    'pyralog_storage_group_commits_total',
    'Groups of entries made durable at once.',
  ],
  ['entries', 'pyralog_storage_entries_total', 'Log entries written.'],
  ['records', 'pyralog_storage_records_total', 'Records applied.'],
  ['conflicts', 'pyralog_notary_conflicts_total', 'Idempotency keys used for other content (N1).'],
  ['checkpoints', 'pyralog_notary_checkpoints_total', 'Checkpoints signed.'],
  ['walBytes', 'pyralog_storage_wal_written_bytes', 'Bytes written to the write-ahead log.'],
  [
    'syncSecondsSum',
    'pyralog_storage_group_commit_seconds',
    'Time spent in group commits, summed.',
  ],
] as const satisfies readonly (readonly [keyof CoreStats, string, string])[];

export interface NodeMetricsSource {
  readonly registry: Registry;
  readonly core: Core;
  readonly logStore: LogStore;
  readonly shared: SharedArrayBuffer;
}

/** Adds the node's own metrics to a registry: memory, the main thread's lag, and the core's counters, read when asked. */
export function exportNodeMetrics({ registry, core, logStore, shared }: NodeMetricsSource): void {
  const registers = [registry];
  const stats = oncePerScrape(() => core.stats());
  for (const [field, name, help] of COUNTERS) {
    addCounter(registry, [name, help, () => stats()[field]]);
  }
  new Counter({
    name: 'pyralog_notary_duplicates_total',
    help: 'Submissions that were there already (N1), by what gave them away.',
    labelNames: ['by'],
    registers,
    collect() {
      this.reset();
      const { duplicates, duplicatesByKey } = stats();
      this.inc({ by: 'key' }, duplicatesByKey);
      this.inc({ by: 'content' }, duplicates - duplicatesByKey);
    },
  });
  exportMaintenanceMetrics({ registry, core, logStore });
  const gauge = (...metric: ReadMetric) => addGauge(registry, metric);
  gauge('pyralog_storage_queue_bytes', 'Proposals waiting for the log.', () => stats().queueBytes);
  gauge(
    'pyralog_storage_accepted_records',
    'Records answered `accepted` that are not durable yet (N11).',
    () => stats().acceptedRecords,
  );
  new Gauge({
    name: 'pyralog_storage_durability_info',
    help: 'What answers of each log stand for: 1 for its policy (N11).',
    labelNames: ['partition', 'policy'],
    registers,
    collect() {
      for (const [partition, { durability = 'sync' }] of logStore.partitions.entries()) {
        this.set({ partition: `${partition}`, policy: durability }, 1);
      }
    },
  });
  gauge('pyralog_node_resident_bytes', 'Resident memory of the process.', () =>
    process.memoryUsage.rss(),
  );
  gauge('pyralog_node_uptime_seconds', 'Time since the process started.', () => process.uptime());
  gauge('pyralog_storage_log_size_total', 'Durable records of partition 0.', () =>
    logStore.durableSize(0),
  );
  new Gauge({
    name: 'pyralog_node_event_loop_lag_seconds',
    help: 'Longest delay of the event loop of the main thread in the last sampling period.',
    labelNames: ['thread'],
    registers,
    collect() {
      this.set({ thread: 'main' }, readShared(shared).mainLagSeconds);
    },
  });
}

/** An empty one, for the metrics of a node. */
export function createRegistry(): Registry {
  return new Registry();
}
