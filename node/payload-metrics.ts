import type { Registry } from 'prom-client';
import type { ObjectStats, ObjectStore, SchemaRegistry, SchemaStats } from '../native/index.ts';
import { addCounter, addGauge, oncePerScrape } from './read-metrics.ts';

/** As they are called outside; docs/OPERATIONS.md describes each. */
const OBJECT_COUNTERS = [
  ['puts', 'pyralog_objects_puts_total', 'Payloads stored, those known already among them.'],
  ['putBytes', 'pyralog_objects_put_bytes', 'Their bytes.'],
  ['storedBytes', 'pyralog_objects_written_bytes', 'Bytes written for them.'],
  ['knownChunks', 'pyralog_objects_deduplicated_chunks_total', 'Chunks that were there already.'],
  ['knownBytes', 'pyralog_objects_deduplicated_bytes', 'Their bytes.'],
  ['reads', 'pyralog_objects_reads_total', 'Payloads and parts of payloads read.'],
  ['readBytes', 'pyralog_objects_read_bytes', 'Their bytes.'],
  ['damage', 'pyralog_objects_damage_total', 'Reads that met damage or something gone.'],
] as const satisfies readonly (readonly [keyof ObjectStats, string, string])[];

const OBJECT_GAUGES = [
  ['objects', 'pyralog_objects_objects_total', 'Objects, dead ones not collected among them.'],
  ['chunks', 'pyralog_objects_chunks_total', 'Chunks, each stored once.'],
  ['bytes', 'pyralog_objects_disk_bytes', 'Bytes of objects on disk.'],
  ['damagedPacks', 'pyralog_objects_damaged_packs_total', 'Pack files whose table is damaged.'],
] as const satisfies readonly (readonly [keyof ObjectStats, string, string])[];

const SCHEMA_COUNTERS = [
  ['incompatible', 'pyralog_schemas_incompatible_total', 'Versions that a rule refused.'],
  ['checked', 'pyralog_schemas_checked_total', 'Values held against their schema.'],
  ['misfits', 'pyralog_schemas_misfits_total', 'Values that did not fit their schema.'],
] as const satisfies readonly (readonly [keyof SchemaStats, string, string])[];

export interface PayloadMetricsSource {
  readonly registry: Registry;
  readonly objects: ObjectStore;
  readonly schemas: SchemaRegistry;
}

/** Adds the metrics of the object store and the schema registry, read when asked. */
export function exportPayloadMetrics({ registry, objects, schemas }: PayloadMetricsSource): void {
  const ofObjects = oncePerScrape(() => objects.stats());
  const ofSchemas = oncePerScrape(() => schemas.stats());
  for (const [field, name, help] of OBJECT_COUNTERS) {
    addCounter(registry, [name, help, () => ofObjects()[field]]);
  }
  for (const [field, name, help] of OBJECT_GAUGES) {
    addGauge(registry, [name, help, () => ofObjects()[field]]);
  }
  for (const [field, name, help] of SCHEMA_COUNTERS) {
    addCounter(registry, [name, help, () => ofSchemas()[field]]);
  }
  const count = () => ofSchemas().schemas;
  addGauge(registry, ['pyralog_schemas_schemas_total', 'Schemas registered.', count]);
}
