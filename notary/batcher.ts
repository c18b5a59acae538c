import { assert } from '../base/errors.ts';
import type { Replicated, Replicator } from '../consensus/index.ts';
import { encodeNotaryProposal, type ProposedDigest } from '../storage/index.ts';
import { fromReplicator, notaryError } from './errors.ts';

/** One submission on its way; `settle` and `fail` are called exactly once, one of them, unless it is withdrawn. */
export interface Ticket extends ProposedDigest {
  /** Set while it stands in a batch that was proposed. */
  sent: boolean;
  /** Its caller gave up before it was sent. */
  withdrawn: boolean;
  fail(error: unknown): void;
}

export interface BatcherDeps<T extends Ticket> {
  readonly replicator: Replicator;
  readonly partition: number;
  readonly wait: 'durable' | 'checkpoint';
  /** Answers the tickets of a batch, in the order of its outcomes. */
  readonly onAnswer: (tickets: readonly T[], answer: Replicated) => void;
  /** Runs a task once this turn of the event loop has taken what is ready; `setImmediate` outside of tests. */
  readonly defer: (task: () => void) => void;
}

export interface BatcherOptions {
  readonly batchRecordsMax: number;
  readonly batchesInFlightMax: number;
  readonly queueRecordsMax: number;
}

/**
 * Makes one packed batch of what arrives in one turn of the event loop.
 *
 * With few batches in flight, what arrives while the disk is busy becomes the next batch, so batches grow with the load by
 * themselves. The queue in front is bounded: beyond it callers are told to come back instead of waiting ever longer.
 */
export class Batcher<T extends Ticket> {
  readonly #deps: BatcherDeps<T>;
  readonly #options: BatcherOptions;
  #queue: T[] = [];
  #inFlight = 0;
  #deferred = false;
  #idle: (() => void)[] = [];

  constructor(deps: BatcherDeps<T>, options: BatcherOptions) {
    assert(options.batchRecordsMax >= 1 && options.batchesInFlightMax >= 1, 'batches have room');
    this.#deps = deps;
    this.#options = options;
  }

  /** Throws `notary/overloaded` when there is no room for `count` more. */
  checkRoom(count: number): void {
    if (this.#queue.length + count > this.#options.queueRecordsMax) {
      throw notaryError(
        'notary/overloaded',
        `${this.#queue.length} submissions wait already; try again shortly`,
        { data: { queued: this.#queue.length } },
      );
    }
  }

  /** Call {@link checkRoom} before. */
  push(ticket: T): void {
    this.#queue.push(ticket);
    if (this.#deferred || this.#inFlight >= this.#options.batchesInFlightMax) return;
    this.#deferred = true;
    this.#deps.defer(() => {
      this.#deferred = false;
      this.#flush();
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (this.#queue.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#inFlight < this.#options.batchesInFlightMax) {
      const taken = this.#take();
      const batch = taken.filter((ticket) => !ticket.withdrawn);
      if (batch.length > 0) void this.#send(batch);
    }
    if (this.#queue.length === 0 && this.#inFlight === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #take(): T[] {
    const { batchRecordsMax } = this.#options;
    if (this.#queue.length <= batchRecordsMax) {
      const all = this.#queue;
      this.#queue = [];
      return all;
    }
    return this.#queue.splice(0, batchRecordsMax);
  }

  async #send(batch: readonly T[]): Promise<void> {
    const { replicator, partition, wait, onAnswer } = this.#deps;
    this.#inFlight++;
    for (const ticket of batch) ticket.sent = true;
    try {
      const proposal = encodeNotaryProposal(batch);
      const paths = wait === 'checkpoint';
      onAnswer(batch, await replicator.propose(partition, proposal, { wait, paths }));
    } catch (error) {
      const told = fromReplicator(error);
      for (const ticket of batch) ticket.fail(told);
    } finally {
      this.#inFlight--;
      this.#flush();
    }
  }
}
