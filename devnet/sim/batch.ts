import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { SimReport } from './simulate.ts';

export interface BatchOptions {
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly runs: number;
  /** Validators; drawn from each seed when absent. */
  readonly nodes?: number;
  /** Threads; each has runs of its own, so what comes out does not depend on it. */
  readonly workers: number;
  /** Called after each run, in no order. */
  readonly onRun?: (report: SimReport) => void;
  readonly signal?: AbortSignal;
}

export interface BatchReport {
  readonly runs: number;
  /** Over the hashes of all runs, in order of seed. */
  readonly hash: string;
  readonly heights: number;
  readonly transactions: number;
  readonly events: number;
  readonly virtualMs: number;
  /** How often each kind of fault struck (Q16). */
  readonly faults: Readonly<Record<string, number>>;
  /** In order of seed. */
  readonly failed: readonly SimReport[];
}

/** Runs many seeds on several threads. Rejects with the signal's reason, or when a thread dies. */
export async function runBatch(options: BatchOptions): Promise<BatchReport> {
  const reports: SimReport[] = [];
  let next = 0;
  const take = () => (next < options.runs ? options.seed + next++ : undefined);
  const count = Math.max(1, Math.min(options.workers, options.runs));
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL('./worker.ts', import.meta.url)),
  );
  try {
    await Promise.all(workers.map((worker) => drive(worker, options, take, reports)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  reports.sort((a, b) => a.seed - b.seed);
  return summaryOf(reports);
}

function drive(
  worker: Worker,
  { nodes, onRun, signal }: BatchOptions,
  take: () => number | undefined,
  reports: SimReport[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = () => {
      const seed = signal?.aborted === true ? undefined : take();
      if (seed === undefined) resolve();
      else worker.postMessage({ seed, ...(nodes === undefined ? {} : { nodes }) });
    };
    worker.on('message', (report: SimReport) => {
      reports.push(report);
      onRun?.(report);
      give();
    });
    worker.on('error', reject);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    give();
  });
}

function summaryOf(reports: readonly SimReport[]): BatchReport {
  const hash = createHash('sha256');
  const faults: Record<string, number> = {};
  let [heights, transactions, events, virtualMs] = [0, 0, 0, 0];
  for (const report of reports) {
    hash.update(`${report.seed} ${report.hash}\n`);
    heights += report.heights;
    transactions += report.transactions;
    events += report.events;
    virtualMs += report.virtualMs;
    for (const [kind, count] of Object.entries(report.faults)) {
      faults[kind] = (faults[kind] ?? 0) + count;
    }
  }
  const failed = reports.filter(({ violations }) => violations.length > 0);
  const sums = { heights, transactions, events, virtualMs };
  return { runs: reports.length, hash: hash.digest('hex'), ...sums, faults, failed };
}
