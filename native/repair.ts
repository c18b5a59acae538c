/**
 * Looking after a store that no node has open (docs/spec/repair.md).
 *
 * ```ts
 * const report = await checkStore(dir, { onProgress: ({ stage }) => console.error(stage) });
 * if (!report.clean) await repairStore(dir, { dryRun: true });
 * ```
 *
 * Everything here rejects with `storage/locked` while a node runs on the directory (Z40), `storage/format` where there is no
 * store, `storage/cancelled` after `signal`, and `storage/io`.
 */
import { answer, ask, binding } from './binding.ts';
import type { NativeAnswer } from './pyralog.d.ts';

/** What these functions fail with. Damage is what they find, not what they fail with. */
export type RepairErrorCode =
  /** A node has the store open. */
  | 'storage/locked'
  /** There is no store, or a newer version wrote it. */
  | 'storage/format'
  /** The store cannot be opened, so this cannot be done with it. */
  | 'storage/corrupt'
  /** An export would replace something. */
  | 'storage/exists'
  /** `signal` fired. */
  | 'storage/cancelled'
  /** No room. */
  | 'storage/disk-full'
  /** The operating system refused. */
  | 'storage/io'
  /** A partition or offsets that there are not. */
  | 'log/out-of-range';

/** First offset, and the one behind the last. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** One thing that was found (Z42). */
export interface StoreFinding {
  /** `note`: nothing to do; `mendable`: nothing is lost; `damage`: something cannot be read, or nothing is taken. */
  readonly severity: 'note' | 'mendable' | 'damage';
  /** Relative to the store. */
  readonly file: string;
  readonly partition: number | null;
  /** Offsets that cannot be read because of it. */
  readonly offsets: readonly OffsetRange[];
  readonly what: string;
  /** What can be done. */
  readonly advice: string;
  /** Whether {@link repairStore} does something about it. */
  readonly repairable: boolean;
}

export interface StoreReport {
  /** Nothing but notes was found. */
  readonly clean: boolean;
  readonly findings: readonly StoreFinding[];
  /** What a node would show; empty when it would not start. */
  readonly partitions: readonly {
    readonly partition: number;
    readonly origin: string;
    readonly records: number;
    /** Records under the newest root that the log says was signed. */
    readonly signed: number;
  }[];
  /** Why a node would open it for reading only, or not at all. */
  readonly refused: string | null;
  /** Looked at. */
  readonly bytes: number;
}

export interface StoreRepair {
  readonly dryRun: boolean;
  readonly acts: readonly {
    readonly file: string;
    readonly done: string;
    /** Where the file that was there before is now. */
    readonly aside: string | null;
    /** Offsets whose reads are refused from now on. */
    readonly unreadable: readonly OffsetRange[];
  }[];
  /** What a check finds now. */
  readonly after: StoreReport;
}

/** Rows of hot or of cold segments. */
export interface SegmentTotals {
  readonly segments: number;
  readonly rows: number;
  /** Keys, values and headers. */
  readonly payloadBytes: number;
  /** Data files. */
  readonly bytes: number;
}

export interface StoreFigures {
  readonly partitions: readonly {
    readonly partition: number;
    readonly origin: string;
    readonly records: number;
    /** Records below this stand in segments. */
    readonly sealed: number;
    readonly firstOffset: number;
    readonly sealPoints: readonly number[];
    readonly hot: SegmentTotals;
    readonly cold: SegmentTotals;
    readonly sideBytes: number;
    readonly leavesBytes: number;
    readonly nodeBytes: number;
    readonly snapshotBytes: number;
    readonly quarantined: readonly OffsetRange[];
    readonly dedupWindowMs: number;
    readonly dedupRecords: number;
    /** Bytes on disk of a sealed record beside its payload; null when none is sealed. */
    readonly overheadBytesPerRecord: number | null;
  }[];
  readonly walFiles: number;
  readonly walBytes: number;
  /** Of the manifest. */
  readonly version: number;
  readonly manifestBytes: number;
  readonly refused: string | null;
}

export type ExportForm = 'arrow' | 'parquet' | 'ndjson';

export interface StoreExport {
  readonly origin: string;
  readonly files: readonly string[];
  readonly records: number;
  readonly from: number;
  readonly to: number;
  /** Left out, because they cannot be read. */
  readonly unreadable: readonly OffsetRange[];
  readonly reason: string | null;
  /** Why there may be records behind the last offset that nobody can see, where all there is was asked for (W8). */
  readonly damage: string | null;
}

export interface RepairProgress {
  readonly stage: string;
  /** Bytes; records of an export. */
  readonly done: number;
  /** 0 when it is not known yet. */
  readonly total: number;
}

export interface RepairCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called a few times a second. */
  readonly onProgress?: ((progress: RepairProgress) => void) | undefined;
}

/** How often progress is asked for. */
const PROGRESS_MS = 250;

/** Reads every file and says what is wrong. Changes nothing. */
export async function checkStore(
  dir: string,
  options: RepairCallOptions = {},
): Promise<StoreReport> {
  return (await run((job) => binding.repairCheck(job, dir), options)) as StoreReport;
}

/** Mends what can be mended without losing anything and quarantines what cannot be read (Z44). */
export async function repairStore(
  dir: string,
  options: RepairCallOptions & { readonly dryRun?: boolean } = {},
): Promise<StoreRepair> {
  const dryRun = options.dryRun ?? false;
  return (await run((job) => binding.repairMend(job, dir, dryRun), options)) as StoreRepair;
}

/** Makes sidecars and node files again from the records, checked against signed roots (Z45). */
export async function rebuildStoreIndex(
  dir: string,
  options: RepairCallOptions = {},
): Promise<StoreRepair> {
  return (await run((job) => binding.repairRebuild(job, dir), options)) as StoreRepair;
}

/** What the store is made of (Z47). */
export async function storeFigures(
  dir: string,
  options: RepairCallOptions = {},
): Promise<StoreFigures> {
  return (await run((job) => binding.repairStats(job, dir), options)) as StoreFigures;
}

/**
 * Writes records to files in a new directory, which has its name once it is complete (Z46). Also rejects with
 * `storage/exists` and `log/out-of-range`.
 */
export async function exportStore(
  dir: string,
  wanted: {
    readonly partition: number;
    readonly from: number;
    readonly to?: number | undefined;
    readonly form: ExportForm;
    readonly out: string;
  },
  options: RepairCallOptions = {},
): Promise<StoreExport> {
  const { to, ...rest } = wanted;
  const native = to === undefined ? rest : { ...rest, to };
  return (await run((job) => binding.repairExport(job, dir, native), options)) as StoreExport;
}

/** Runs a job on the pool, watched by a timer; what it answers is the core's own JSON. */
async function run(
  start: (job: number) => Promise<NativeAnswer>,
  { signal, onProgress }: RepairCallOptions,
): Promise<unknown> {
  signal?.throwIfAborted();
  const job = ask(() => binding.repairJob());
  const cancel = () => binding.repairCancel(job);
  signal?.addEventListener('abort', cancel, { once: true });
  const timer =
    onProgress && setInterval(() => onProgress(binding.repairProgress(job)), PROGRESS_MS);
  try {
    const { bytes } = await answer(() => start(job));
    return JSON.parse(new TextDecoder().decode(bytes));
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', cancel);
  }
}
