/** Submissions: gathered into batches, answered one by one. */
import type { Replicator } from '../consensus/index.ts';
import type { LogPartition } from '../storage/index.ts';
import { outcomesOf } from './answer.ts';
import { Batcher, type BatcherOptions, type Ticket } from './batcher.ts';
import { outcomeUnknown } from './errors.ts';
import { checkSubmission, partitionOf } from './submission.ts';
import type { Submission, SubmitCallOptions, SubmitOptions, SubmitOutcome } from './types.ts';

export interface SubmitterDeps {
  readonly replicator: Replicator;
  readonly partitions: readonly LogPartition[];
  readonly defer: (task: () => void) => void;
}

/**
 * The road of single submissions. Those that wait for `durable` and those that wait for `checkpoint` go in batches of their
 * own: the core commits both in one group, and nobody waits for a signature he did not ask for.
 */
export class Submitter {
  readonly #partitions: number;
  readonly #batchers: Record<SubmitOptions['waitFor'], Batcher<Item>[]>;

  constructor(deps: SubmitterDeps, options: BatcherOptions) {
    const { replicator, partitions, defer } = deps;
    const batchers = (wait: 'durable' | 'checkpoint') =>
      partitions.map(({ origin }, partition) => {
        const onAnswer = (items: readonly Item[], answer: Parameters<typeof outcomesOf>[2]) => {
          const outcomes = outcomesOf(origin, items, answer);
          for (const [i, outcome] of outcomes.entries()) items[i]?.settle(outcome);
        };
        return new Batcher<Item>({ replicator, partition, wait, onAnswer, defer }, options);
      });
    this.#partitions = partitions.length;
    this.#batchers = { durable: batchers('durable'), checkpoint: batchers('checkpoint') };
  }

  submit(
    submissions: readonly Submission[],
    { waitFor, signal, evidence }: SubmitCallOptions,
  ): Promise<SubmitOutcome[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (submissions.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const call = new Call(submissions.length, resolve, reject);
      const items = submissions.map((submission, index) => {
        const code = checkSubmission(submission);
        return new Item({ call, index, submission, code, packed: evidence === 'packed' });
      });
      this.#enqueue(items, waitFor);
      if (signal !== undefined) call.giveUpOn(signal, items);
    });
  }

  async idle(): Promise<void> {
    const all = [...this.#batchers.durable, ...this.#batchers.checkpoint];
    await Promise.all(all.map((batcher) => batcher.idle()));
  }

  /** All or none: a call is not half taken. */
  #enqueue(items: readonly Item[], waitFor: SubmitOptions['waitFor']): void {
    const batchers = this.#batchers[waitFor];
    for (const batcher of batchers) batcher.checkRoom(items.length);
    for (const item of items) batchers[partitionOf(item.submission, this.#partitions)]?.push(item);
  }
}

/** One call of `submit`: settled when each of its submissions is, or the first fails. */
class Call {
  readonly #outcomes: SubmitOutcome[];
  readonly #resolve: (outcomes: SubmitOutcome[]) => void;
  readonly #reject: (error: unknown) => void;
  #missing: number;
  #forget: (() => void) | undefined;

  constructor(
    count: number,
    resolve: (outcomes: SubmitOutcome[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#outcomes = new Array(count);
    this.#missing = count;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  settle(index: number, outcome: SubmitOutcome): void {
    this.#outcomes[index] = outcome;
    if (--this.#missing > 0) return;
    this.#forget?.();
    this.#resolve(this.#outcomes);
  }

  fail(error: unknown): void {
    this.#forget?.();
    this.#reject(error);
  }

  /** N4: what was not sent is withdrawn and did not happen; of what was sent the outcome is unknown. */
  giveUpOn(signal: AbortSignal, items: readonly Item[]): void {
    const onAbort = () => {
      for (const item of items) item.withdrawn = true;
      const sent = items.some((item) => item.sent);
      this.fail(sent ? outcomeUnknown(signal.reason) : signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forget = () => signal.removeEventListener('abort', onAbort);
  }
}

class Item implements Ticket {
  readonly submission: Submission;
  readonly code: number;
  /** Its caller writes the receipt. */
  readonly packed: boolean;
  sent = false;
  withdrawn = false;
  readonly #call: Call;
  readonly #index: number;

  constructor(of: {
    readonly call: Call;
    readonly index: number;
    readonly submission: Submission;
    readonly code: number;
    readonly packed: boolean;
  }) {
    this.#call = of.call;
    this.#index = of.index;
    this.submission = of.submission;
    this.code = of.code;
    this.packed = of.packed;
  }

  get digest(): Uint8Array {
    return this.submission.digest;
  }

  get submitter(): string {
    return this.submission.submitter;
  }

  get idempotencyKey(): string | undefined {
    return this.submission.idempotencyKey;
  }

  settle(outcome: SubmitOutcome): void {
    this.#call.settle(this.#index, outcome);
  }

  fail(error: unknown): void {
    this.#call.fail(error);
  }
}
