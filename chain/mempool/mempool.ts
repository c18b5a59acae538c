import { assert } from '../../base/errors.ts';
import type { Clock } from '../../base/time.ts';
import { packSignatures, type SignatureItem, verifySignatures } from '../../native/index.ts';
import { signatureOf } from '../codec/transaction.ts';
import { chainError } from '../errors.ts';
import { textKey } from '../text-key.ts';
import type { Account, ChainError, ChainErrorCode } from '../types.ts';
import { type Candidate, type Rules, readCandidates } from './candidate.ts';
import { Drain } from './drain.ts';
import { type Dropped, DroppedReasons } from './dropped.ts';
import { Facts } from './facts.ts';
import { Judge, type Judgement } from './judge.ts';
import { Pool } from './pool.ts';
import * as refuse from './refusals.ts';
import type { Waiting } from './sender-queue.ts';
import { SignatureChecks } from './signatures.ts';
import type { Admission, Mempool, PoolEntry, StateReads } from './types.ts';

export interface MempoolDeps extends Rules {
  readonly clock: Clock;
  readonly state: StateReads;
  /** Told of a listener or a read of the state that fails. The node must stop. */
  readonly onBug: (bug: unknown) => void;
  /** Default: native code on the thread pool. */
  readonly verify?: (items: readonly SignatureItem[]) => Promise<Uint8Array>;
  /** Runs a task once this turn of the event loop has taken what is ready; default `setImmediate`. */
  readonly defer?: (task: () => void) => void;
}

export interface MempoolOptions {
  /** Transactions that may wait; default 20,000. */
  readonly countMax?: number;
  /** Their bytes; default 32 MiB. */
  readonly bytesMax?: number;
  /** How long one may wait; default ten minutes (X19). */
  readonly waitMsMax?: number;
  /** Reasons remembered of what left without being executed; default 10,000. */
  readonly droppedMax?: number;
}

/** A mempool that is empty (X16 to X19). */
export function createMempool(deps: MempoolDeps, options: MempoolOptions = {}): Mempool {
  return new BoundedMempool(deps, options);
}

/** Longer than a few heights, in which every validator finds out by itself. */
const BARRED_MS = 30_000;

class BoundedMempool implements Mempool {
  readonly #deps: MempoolDeps;
  readonly #limits: Required<MempoolOptions>;
  readonly #pool = new Pool();
  readonly #dropped: DroppedReasons;
  readonly #drain: Drain;
  readonly #judge: Judge;
  readonly #signatures: SignatureChecks;
  readonly #listeners = new Set<() => void>();
  readonly #dropListeners = new Set<(id: Uint8Array) => void>();
  /** Reads of the state that a block made necessary, by account; only the newest of an account counts. */
  readonly #refreshing = new Map<string, Promise<void>>();
  /** Counts blocks: facts are of one state. */
  #generation = 0;
  #order = 0;
  #cancelSweep: (() => void) | undefined;
  #stopped = false;

  constructor(deps: MempoolDeps, options: MempoolOptions) {
    this.#deps = deps;
    this.#limits = {
      countMax: options.countMax ?? 20_000,
      bytesMax: options.bytesMax ?? 32 * 1024 * 1024,
      waitMsMax: options.waitMsMax ?? 600_000,
      droppedMax: options.droppedMax ?? 10_000,
    };
    assert(this.#limits.countMax >= 1 && this.#limits.bytesMax >= 1, 'a mempool has room');
    this.#dropped = new DroppedReasons(this.#limits.droppedMax);
    const { clock, state } = deps;
    this.#drain = new Drain(clock.monotonic());
    this.#judge = new Judge({ clock, state, pool: this.#pool, drain: this.#drain }, this.#limits);
    const verify = deps.verify ?? (async (items) => await verifySignatures(packSignatures(items)));
    this.#signatures = new SignatureChecks(verify, deps.defer ?? setImmediate);
  }

  get count(): number {
    return this.#pool.count;
  }

  get bytes(): number {
    return this.#pool.bytes;
  }

  get hasPending(): boolean {
    return this.#pool.hasReady;
  }

  async add(batch: readonly Uint8Array[]): Promise<readonly Admission[]> {
    const read = readCandidates(batch, this.#deps);
    const candidates = read.filter((one) => one.ok);
    // Before the signature is looked at, which is what costs: whoever floods must at least pay enough.
    const first = await this.#learn(candidates);
    const early = new Map<Candidate, Judgement>();
    for (const candidate of candidates) {
      early.set(candidate, this.#barred(candidate) ?? this.#judge.of(candidate, first));
    }
    const open = candidates.filter((candidate) => early.get(candidate)?.kind === 'fits');
    const valid = await Promise.all(open.map((candidate) => this.#checkSignature(candidate)));
    const signed = new Set(open.filter((_, i) => valid[i] === true));
    const facts = await this.#learn([...signed]);
    const had = this.#pool.hasReady;
    const answers = read.map((one): Admission => {
      if (!one.ok) return one;
      const judged = early.get(one);
      if (judged?.kind !== 'fits') return admissionOf(one, judged);
      if (!signed.has(one)) return { ok: false, error: refuse.badSignature(), fault: true };
      return this.#admit(one, facts);
    });
    if (!had && this.#pool.hasReady) this.#tellPending();
    return answers;
  }

  *best(bytesMax: number): Generator<PoolEntry> {
    yield* this.#pool.best(bytesMax);
  }

  get(id: Uint8Array): PoolEntry | undefined {
    return this.#pool.get(textKey(id));
  }

  drop(id: Uint8Array, code: ChainErrorCode, reason: string): void {
    const entry = this.#pool.get(textKey(id));
    if (entry === undefined) return;
    // What the state forbids comes back with every repeat of a neighbour that has not tried it, and would make empty blocks for ever.
    const barredUntil = this.#deps.clock.monotonic() + BARRED_MS;
    this.#drop(entry, code === 'chain/refused' ? { code, reason, barredUntil } : { code, reason });
  }

  settle(height: number, executed: readonly Uint8Array[], touched: readonly Uint8Array[]): void {
    this.#generation++;
    let taken = 0;
    const accounts = new Map(touched.map((account) => [textKey(account), account]));
    for (const id of executed) {
      const key = textKey(id);
      this.#dropped.forget(key);
      const entry = this.#pool.get(key);
      if (entry === undefined) continue;
      taken++;
      const { sender } = entry.transaction;
      accounts.set(textKey(sender), sender);
      this.#pool.remove(entry);
    }
    this.#drain.took(taken, this.#deps.clock.monotonic());
    // Before the accounts are looked at: what expired need not be paid for any more.
    for (let next = this.#pool.soonest(); next !== undefined; next = this.#pool.soonest()) {
      const { until } = next.transaction;
      if (until > height) break;
      this.#drop(next, reasonOf(refuse.expired(until, height)));
    }
    for (const [key, account] of accounts) this.#refresh(key, account);
    if (this.#pool.hasReady) this.#tellPending();
  }

  status(id: Uint8Array): ReturnType<Mempool['status']> {
    const key = textKey(id);
    if (this.#pool.get(key) !== undefined) return { state: 'pending' };
    const dropped = this.#dropped.get(key);
    if (dropped === undefined) return undefined;
    const { code, reason } = dropped;
    return { state: 'dropped', code, reason };
  }

  async nextNonce(sender: Uint8Array): Promise<bigint> {
    await this.#refreshed();
    const account = await this.#deps.state.account(sender);
    const free = this.#pool.queue(textKey(sender))?.free ?? 0n;
    return free > account.nonce ? free : account.nonce;
  }

  onPending(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onDropped(listener: (id: Uint8Array) => void): () => void {
    this.#dropListeners.add(listener);
    return () => this.#dropListeners.delete(listener);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  /** Facts of one state: when a block comes while they are read, they are read again. */
  async #learn(candidates: readonly Candidate[]): Promise<Facts> {
    for (;;) {
      await this.#refreshed();
      const generation = this.#generation;
      const facts = new Facts(this.#pool, this.#deps.state);
      const late = facts.learn(candidates);
      if (late === undefined) return facts;
      await late;
      if (generation === this.#generation) return facts;
    }
  }

  async #refreshed(): Promise<void> {
    while (this.#refreshing.size > 0) await Promise.all(this.#refreshing.values());
  }

  #checkSignature(candidate: Candidate): Promise<boolean> {
    return this.#signatures.valid(candidate.key, signatureOf(candidate, this.#deps.network));
  }

  #admit(candidate: Candidate, facts: Facts): Admission {
    const judged = this.#judge.of(candidate, facts);
    if (judged.kind === 'fits') this.#insert(candidate, judged);
    return admissionOf(candidate, judged);
  }

  #insert(candidate: Candidate, judged: Extract<Judgement, { kind: 'fits' }>): void {
    const { id, key, bytes, transaction, cost, rate } = candidate;
    const { replaced, victims, nonce, payer, balance } = judged;
    if (replaced !== undefined) {
      const reason = `replaced by another of the same nonce with the fee ${transaction.fee} (X18); ${ELSEWHERE}`;
      this.#drop(replaced, { code: 'chain/fee-too-low', reason });
    }
    for (const victim of victims) this.#drop(victim, EVICTED);
    const since = this.#deps.clock.monotonic();
    const order = this.#order++;
    this.#dropped.forget(key);
    this.#pool.insert(
      { id, key, bytes, transaction, payer, cost, rate, order, since },
      nonce,
      balance,
    );
    this.#sweepLater();
  }

  #drop(entry: Waiting, why: Dropped): void {
    this.#pool.remove(entry);
    this.#dropped.remember(entry.key, why);
    for (const listener of this.#dropListeners) {
      try {
        listener(entry.id);
      } catch (bug) {
        this.#deps.onBug(bug);
      }
    }
  }

  /** Refused by execution a moment ago (X19). */
  #barred({ key }: Candidate): Judgement | undefined {
    const dropped = this.#dropped.get(key);
    if (dropped?.barredUntil === undefined) return undefined;
    if (dropped.barredUntil <= this.#deps.clock.monotonic()) return undefined;
    return { kind: 'refused', error: chainError(dropped.code, dropped.reason) };
  }

  /** A block changed this account: what waits of it is judged by its new nonce and balance. */
  #refresh(key: string, account: Uint8Array): void {
    const queue = this.#pool.queue(key);
    if (queue === undefined && this.#pool.payer(key) === undefined) return;
    const found = this.#deps.state.account(account);
    if (!(found instanceof Promise)) {
      this.#renew(key, found);
      return;
    }
    if (queue !== undefined) {
      queue.held = true;
      this.#pool.rank(queue);
    }
    const done = found
      .then((fresh) => {
        if (this.#refreshing.get(key) !== done) return;
        this.#renew(key, fresh);
        if (this.#pool.hasReady) this.#tellPending();
      })
      .catch(this.#deps.onBug)
      .finally(() => {
        if (this.#refreshing.get(key) === done) this.#refreshing.delete(key);
      });
    this.#refreshing.set(key, done);
  }

  #renew(key: string, { nonce, balance }: Account): void {
    const queue = this.#pool.queue(key);
    if (queue !== undefined) {
      queue.held = false;
      for (const entry of [...queue.entries()]) {
        if (entry.transaction.nonce >= nonce) break;
        this.#drop(entry, reasonOf(refuse.badNonce(entry.transaction.nonce, nonce, USED)));
      }
      queue.rebase(nonce);
      this.#pool.rank(queue);
    }
    const payer = this.#pool.payer(key);
    if (payer === undefined) return;
    payer.balance = balance;
    if (payer.pledged <= balance) return;
    // Highest nonces first, so that what stays can be executed.
    const last = [...payer.entries].sort((a, b) =>
      a.transaction.nonce < b.transaction.nonce ? 1 : -1,
    );
    for (const entry of last) {
      if (payer.pledged <= balance) return;
      const why = refuse.insufficient('the account that pays', balance, payer.pledged);
      this.#drop(entry, reasonOf(why));
    }
  }

  /** X19: one timer, for the one that waits longest. */
  #sweepLater(): void {
    const oldest = this.#pool.oldest();
    if (this.#cancelSweep !== undefined || oldest === undefined || this.#stopped) return;
    const { clock } = this.#deps;
    const { waitMsMax } = this.#limits;
    this.#cancelSweep = clock.schedule(oldest.since + waitMsMax, () => {
      this.#cancelSweep = undefined;
      const before = clock.monotonic() - waitMsMax;
      for (let next = this.#pool.oldest(); next !== undefined; next = this.#pool.oldest()) {
        if (next.since > before) break;
        this.#drop(next, {
          code: 'chain/expired',
          reason: `no block took it in ${waitMsMax} ms (X19); ${ELSEWHERE}`,
        });
      }
      this.#sweepLater();
    });
  }

  #tellPending(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (bug) {
        this.#deps.onBug(bug);
      }
    }
  }
}

const USED = 'was used by another transaction that is final';
/** Only a block ends what was passed on to others. */
const ELSEWHERE =
  'another node may still have it, so ask for its status again until a transaction of its nonce is final, and send no other nonce in its place';
const EVICTED: Dropped = {
  code: 'chain/mempool-full',
  reason: `the mempool was full, and one that pays more per byte took its place (X19); ${ELSEWHERE}`,
};

function admissionOf(candidate: Candidate, judged: Judgement | undefined): Admission {
  if (judged?.kind === 'refused') return { ok: false, error: judged.error, fault: false };
  return { ok: true, id: candidate.id, fresh: judged?.kind === 'fits' };
}

function reasonOf({ code, message }: ChainError): Dropped {
  return { code, reason: message };
}
