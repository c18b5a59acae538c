import type { LogStore, RecordStore, SchemaRegistry } from '../storage/index.ts';

/** What the methods about schemas and records with payloads work on. */
export interface StoreAccess {
  readonly records: RecordStore;
  readonly logStore: LogStore;
  readonly schemas: SchemaRegistry;
}
