import { PyralogError } from '../../base/errors.ts';
import type { Clock } from '../../base/time.ts';
import { type Gossip, type GossipMessage, TOPICS, type Verdict } from '../../net/index.ts';
import { textKey } from '../text-key.ts';
import { BATCH_HEAD_BYTES, decodeBatch, encodeBatch, ITEM_HEAD_BYTES } from './batch.ts';
import type { Mempool } from './types.ts';

export interface TransactionGossipDeps {
  readonly mempool: Mempool;
  readonly gossip: Pick<Gossip, 'publish' | 'onMessage'>;
  readonly clock: Clock;
  /** Told of whatever breaks an invariant; a full or closed network is none of that. */
  readonly onBug: (bug: unknown) => void;
  /** Runs a task once others had their turn of the event loop; default `setImmediate`. */
  readonly defer?: (task: () => void) => void;
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Reading so many takes a few milliseconds: votes must not wait longer for a neighbour's batch. */
const TURN_MAX = 256;

export interface TransactionGossipOptions {
  /** How long the first of a batch waits for others; default 5. */
  readonly flushMs?: number;
  /**
   * Least time between two batches that are not full; default 10. A batch costs every node of the network the same whether it
   * has one transaction or fifty: without this, a few hundred a second from one client each are a batch.
   */
  readonly gapMs?: number;
  /**
   * What a transaction of a batch adds to the wait for the next batch, and at most to the wait before the batch is passed on;
   * default 4. So a stream thick enough to keep a block busy is gathered, and a thin one is not held up.
   */
  readonly transactionMs?: number;
  /** The longest of either wait; default 60. */
  readonly waitMsMax?: number;
  /** A batch goes at once when it has so many bytes; default 64 KiB, at most what the topic takes. */
  readonly batchBytesMax?: number;
  /** What waits for so long is told again, and then every so long; default 5,000. */
  readonly repeatMs?: number;
  /** At most so many bytes of transactions are told again at a time, best paying first; default 256 KiB. */
  readonly repeatBytesMax?: number;
}

/** Counts since the start. */
export interface TransactionGossipFigures {
  readonly batchesSent: number;
  readonly transactionsSent: number;
  /** Told again because they waited long. */
  readonly transactionsRepeated: number;
  /** Of neighbours: with a transaction that no honest node passes on. */
  readonly batchesRejected: number;
  /** That the network had no room for; they are told again while they wait. */
  readonly batchesLost: number;
}

/** Spreads what is submitted here, takes what is submitted elsewhere (X20). */
export interface TransactionGossip {
  /** Call it with what {@link Mempool.add} took from a client as new. It leaves within milliseconds, with others. */
  announce(id: Uint8Array): void;
  figures(): TransactionGossipFigures;
  /** Takes and sends nothing more. Idempotent. */
  stop(): void;
}

export function startTransactionGossip(
  deps: TransactionGossipDeps,
  options: TransactionGossipOptions = {},
): TransactionGossip {
  return new BatchedGossip(deps, options);
}

class BatchedGossip implements TransactionGossip {
  readonly #deps: TransactionGossipDeps;
  readonly #limits: Required<TransactionGossipOptions>;
  readonly #defer: (task: () => void) => void;
  readonly #random: () => number;
  readonly #figures = {
    batchesSent: 0,
    transactionsSent: 0,
    transactionsRepeated: 0,
    batchesRejected: 0,
    batchesLost: 0,
  };
  #batch: Uint8Array[] = [];
  #batchBytes = BATCH_HEAD_BYTES;
  /** When the last batch left. */
  #flushed = Number.NEGATIVE_INFINITY;
  /** Least time from then to the next. */
  #gapMs = 0;
  #cancelFlush: (() => void) | undefined;
  #cancelRepeat: (() => void) | undefined;
  /** What waited a round ago. */
  #waiting = new Set<string>();
  #round = 0;
  readonly #unsubscribe: () => void;
  #stopped = false;

  constructor(deps: TransactionGossipDeps, options: TransactionGossipOptions) {
    this.#deps = deps;
    this.#defer = deps.defer ?? setImmediate;
    this.#random = deps.random ?? Math.random;
    this.#limits = {
      flushMs: options.flushMs ?? 5,
      gapMs: options.gapMs ?? 10,
      transactionMs: options.transactionMs ?? 4,
      waitMsMax: options.waitMsMax ?? 60,
      batchBytesMax: Math.min(options.batchBytesMax ?? 64 * 1024, TOPICS.transactions),
      repeatMs: options.repeatMs ?? 5_000,
      repeatBytesMax: options.repeatBytesMax ?? 256 * 1024,
    };
    this.#unsubscribe = deps.gossip.onMessage('transactions', (message) => this.#take(message));
    this.#repeatLater();
  }

  announce(id: Uint8Array): void {
    const entry = this.#deps.mempool.get(id);
    if (entry !== undefined) this.#enqueue(entry.bytes, 0);
  }

  figures(): TransactionGossipFigures {
    return { ...this.#figures };
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelFlush?.();
    this.#cancelRepeat?.();
  }

  /** One bad apple makes the batch a fault, and the rest of it is not looked at; one that brings nothing new goes no further. */
  async #take({ bytes }: GossipMessage): Promise<Verdict> {
    const decoded = decodeBatch(bytes);
    if (!decoded.ok) return this.#reject();
    const { transactions } = decoded.value;
    let fresh = false;
    for (let at = 0; at < transactions.length && !this.#stopped; at += TURN_MAX) {
      if (at > 0) await new Promise<void>((resolve) => this.#defer(resolve));
      const admissions = await this.#deps.mempool.add(transactions.slice(at, at + TURN_MAX));
      if (admissions.some((each) => !each.ok && each.fault)) return this.#reject();
      fresh ||= admissions.some((each) => each.ok && each.fresh);
    }
    if (!fresh) return 'ignore';
    await this.#untilPassedOn(transactions.length);
    return 'accept';
  }

  /**
   * Who takes a batch passes it on to all neighbours that have not shown yet that they know it. In a full mesh they all do at the same
   * moment, so that each batch crosses every link twice; waiting for different times, they hear of each other first.
   */
  async #untilPassedOn(transactions: number): Promise<void> {
    const { clock } = this.#deps;
    const waitMs = this.#waitMs(transactions) * this.#random();
    if (waitMs < 1) return;
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonic() + waitMs, resolve);
    });
  }

  #waitMs(transactions: number): number {
    return Math.min(this.#limits.waitMsMax, this.#limits.transactionMs * transactions);
  }

  #reject(): Verdict {
    this.#figures.batchesRejected++;
    return 'reject';
  }

  #enqueue(bytes: Uint8Array, round: number): void {
    const { batchBytesMax, flushMs } = this.#limits;
    const itemBytes = bytes.length + ITEM_HEAD_BYTES;
    if (this.#batchBytes + itemBytes > batchBytesMax) this.#flush(round);
    this.#batch.push(bytes);
    this.#batchBytes += itemBytes;
    if (this.#cancelFlush !== undefined || this.#stopped) return;
    const { clock } = this.#deps;
    const at = Math.max(clock.monotonic() + flushMs, this.#flushed + this.#gapMs);
    this.#cancelFlush = clock.schedule(at, () => this.#flush(0));
  }

  #flush(round: number): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const transactions = this.#batch;
    this.#batch = [];
    this.#batchBytes = BATCH_HEAD_BYTES;
    if (transactions.length === 0 || this.#stopped) return;
    this.#flushed = this.#deps.clock.monotonic();
    this.#gapMs = Math.max(this.#limits.gapMs, this.#waitMs(transactions.length));
    this.#figures.batchesSent++;
    this.#figures.transactionsSent += transactions.length;
    this.#publish(encodeBatch({ round, transactions })).catch(this.#deps.onBug);
  }

  async #publish(batch: Uint8Array): Promise<void> {
    try {
      await this.#deps.gossip.publish('transactions', batch);
    } catch (error) {
      if (!(error instanceof PyralogError) || !error.code.startsWith('net/')) throw error;
      // Overloaded, or closing: what still waits is told again later.
      this.#figures.batchesLost++;
    }
  }

  #repeatLater(): void {
    const { clock } = this.#deps;
    this.#cancelRepeat = clock.schedule(clock.monotonic() + this.#limits.repeatMs, () => {
      this.#repeat();
      if (!this.#stopped) this.#repeatLater();
    });
  }

  /**
   * What stood here a round ago and still does is told again: its neighbours may have been away, or another part of the network.
   * Who knows all of a batch passes it on no further, so this costs one hop where nobody missed anything.
   */
  #repeat(): void {
    const before = this.#waiting;
    this.#waiting = new Set();
    this.#flush(0);
    this.#round++;
    for (const { id, bytes } of this.#deps.mempool.best(this.#limits.repeatBytesMax)) {
      const key = textKey(id);
      this.#waiting.add(key);
      if (!before.has(key)) continue;
      this.#figures.transactionsRepeated++;
      this.#enqueue(bytes, this.#round);
    }
    this.#flush(this.#round);
  }
}
