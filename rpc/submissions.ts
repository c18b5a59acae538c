/**
 * Transactions on their way to the mempool. Callers come one by one; the chain, in another thread, is handed what has
 * gathered within a turn of the event loop: one message a few milliseconds instead of one a transaction. Bounded in count
 * and bytes: beyond, a caller is told when to come back, because a queue that grows only makes everybody late (rpc.md R10).
 */
import type { PyralogError } from '../base/errors.ts';
import type { ChainAccess, SubmittedTransaction } from './chain-access.ts';
import { rpcError } from './errors.ts';

export interface SubmissionLimits {
  /** Transactions gathered and handed over whose outcome is not known. */
  readonly transactionsMax: number;
  /** Their bytes. */
  readonly bytesMax: number;
  /** Transactions of one hand-over: few enough that the chain's thread is not held up. */
  readonly batchMax: number;
  /** Hand-overs at once: the chain checks one while the next is on its way. */
  readonly batchesMax: number;
  /** A hand-over without an answer for so long is given up. */
  readonly answerMsMax: number;
}

export const defaultSubmissionLimits: SubmissionLimits = {
  transactionsMax: 16_384,
  bytesMax: 32_000_000,
  batchMax: 512,
  batchesMax: 4,
  answerMsMax: 30_000,
};

/** Shortest and longest wait that a refused caller is told. */
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5_000;
/** Weight of the newest hand-over in the running mean of what a transaction takes. */
const NEWEST_WEIGHT = 0.2;

/** Transactions that were submitted together, and what is known of them. */
interface Job {
  readonly outcomes: SubmittedTransaction[];
  missing: number;
  resolve(outcomes: readonly SubmittedTransaction[]): void;
  reject(error: unknown): void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly job: Job;
  readonly index: number;
}

export class Submissions {
  readonly #chain: Pick<ChainAccess, 'submitBatch'>;
  readonly #limits: SubmissionLimits;
  #queue: Waiting[] = [];
  #batches = 0;
  #scheduled = false;
  #count = 0;
  #bytes = 0;
  #refused = 0;
  #msEach = 0;

  constructor(
    chain: Pick<ChainAccess, 'submitBatch'>,
    limits: SubmissionLimits = defaultSubmissionLimits,
  ) {
    this.#chain = chain;
    this.#limits = limits;
  }

  /** Gathered or handed over, without an outcome yet. */
  get waiting(): number {
    return this.#count;
  }

  /** Transactions refused because too many waited. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * As many outcomes as transactions, in their order. Throws `rpc/overloaded` when too much waits: nothing was taken
   * then; rejects with `rpc/timed-out` when the chain does not answer.
   */
  submit(transactions: readonly Uint8Array[]): Promise<readonly SubmittedTransaction[]> {
    const bytes = transactions.reduce((sum, { length }) => sum + length, 0);
    this.#admit(transactions.length, bytes);
    this.#count += transactions.length;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      const job: Job = { outcomes: [], missing: transactions.length, resolve, reject };
      for (const [index, one] of transactions.entries()) {
        this.#queue.push({ bytes: one, job, index });
      }
      this.#schedule();
    });
  }

  #admit(count: number, bytes: number): void {
    const { transactionsMax, bytesMax } = this.#limits;
    if (this.#count + count <= transactionsMax && this.#bytes + bytes <= bytesMax) return;
    this.#refused += count;
    throw rpcError(
      'rpc/overloaded',
      `${this.#count} transactions wait to be taken: none of these was; submit them again later`,
      { retryAfterMs: this.#retryAfterMs() },
    );
  }

  /** When about half of what waits will be gone. */
  #retryAfterMs(): number {
    const ms = (this.#count * this.#msEach) / 2;
    return Math.ceil(Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, ms)));
  }

  #schedule(): void {
    if (this.#scheduled || this.#batches >= this.#limits.batchesMax) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#queue.length > 0 && this.#batches < this.#limits.batchesMax) {
        void this.#handOver(this.#queue.splice(0, this.#limits.batchMax));
      }
    });
  }

  /** Never rejects: the outcome, whatever it is, goes to those who wait for it. */
  async #handOver(batch: readonly Waiting[]): Promise<void> {
    this.#batches++;
    const startedMs = performance.now();
    try {
      const answer = this.#chain.submitBatch(packed(batch));
      this.#deliver(batch, await this.#inTime(batch, answer));
    } catch (error) {
      for (const { job } of batch) job.reject(error);
    } finally {
      this.#batches--;
      this.#count -= batch.length;
      this.#bytes -= batch.reduce((sum, { bytes }) => sum + bytes.length, 0);
      const msEach = (performance.now() - startedMs) / batch.length;
      this.#msEach += (msEach - this.#msEach) * NEWEST_WEIGHT;
      if (this.#queue.length > 0) this.#schedule();
    }
  }

  #deliver(batch: readonly Waiting[], outcomes: readonly SubmittedTransaction[]): void {
    if (outcomes.length !== batch.length) {
      throw new Error(`the chain gave ${outcomes.length} outcomes for ${batch.length}`);
    }
    for (const [at, { job, index }] of batch.entries()) {
      const outcome = outcomes[at];
      if (outcome === undefined) continue;
      job.outcomes[index] = outcome;
      job.missing--;
      if (job.missing === 0) job.resolve(job.outcomes);
    }
  }

  /**
   * The answer; those who wait for it are told after a while that there is none. The place of the batch stays taken until
   * the chain answers: a chain that hangs must not be handed more and more.
   */
  async #inTime<T>(batch: readonly Waiting[], answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      for (const { job } of batch) job.reject(timedOut(this.#limits.answerMsMax));
    }, this.#limits.answerMsMax);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The same bytes, as views of one buffer: on its way to another thread a buffer is copied whole, however little of it a
 * view shows, and so many small ones cost more than their bytes.
 */
function packed(batch: readonly Waiting[]): Uint8Array[] {
  const all = new Uint8Array(batch.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  return batch.map(({ bytes }) => {
    all.set(bytes, at);
    at += bytes.length;
    return all.subarray(at - bytes.length, at);
  });
}

function timedOut(ms: number): PyralogError {
  return rpcError(
    'rpc/timed-out',
    `no outcome within ${ms} ms: whether the transactions were taken is unknown; submit them again, each is taken once`,
  );
}
