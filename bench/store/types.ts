/** What `store` writes and with what. */

/** Stores that take the same records, each in a process of its own. */
export const SUBJECTS = ['log', 'lsm', 'classic-level', 'lmdb', 'rocksdb'] as const;
export type SubjectName = (typeof SUBJECTS)[number];

/** Records of 8 bytes of key (a serial number, big-endian) and 100 bytes of value. */
export const KEY_BYTES = 8;
export const VALUE_BYTES = 100;

/** One order to a child: write so many batches, each durable before the next. */
export interface WriteOrder {
  readonly subject: SubjectName;
  readonly dir: string;
  /** Where packages of peers were installed; empty for those of this repository. */
  readonly packages: string;
  /** Written before, and not measured: what runs is compiled then, and a store has made its first files. */
  readonly warmBatches: number;
  readonly batches: number;
  readonly records: number;
}

/** Its answer, on one line of standard output. Processor time is of all threads, until what was put off (seals, compactions) is done too,
 * without making the records and bringing them into the store's shape. */
export interface Written {
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** A store that is open. */
export interface Subject {
  /** Brings records into the shape in which the store takes them; the write resolves when all would survive a power cut. */
  prepare(records: readonly BenchRecord[]): () => Promise<void>;
  close(): Promise<void>;
}

export interface BenchRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
