import { assert } from '../../base/errors.ts';
import { AMOUNT_LIMIT, encodeAs } from '../codec/cbor.ts';
import { ACCOUNT, accountKey, CLUSTER, clusterKey, LOG, logKey } from '../codec/state.ts';
import { textKey } from '../text-key.ts';
import type { Account, AnchoredLog, Cluster } from '../types.ts';
import type { Move, StateView } from './plan.ts';

/** State key and value in bytes; undefined where there is no entry any more (X14). */
export type StateChange = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** What a block changed so far, over a state that stays as it is. */
export class WorkingState implements StateView {
  readonly #parent: StateView;
  readonly #accounts = new Map<string, { readonly key: Uint8Array; value: Account }>();
  readonly #clusters = new Map<string, Cluster>();
  readonly #logs = new Map<string, AnchoredLog>();

  constructor(parent: StateView) {
    this.#parent = parent;
  }

  account(key: Uint8Array): Account {
    return this.#accounts.get(textKey(key))?.value ?? this.#parent.account(key);
  }

  cluster(name: string): Cluster | undefined {
    return this.#clusters.get(name) ?? this.#parent.cluster(name);
  }

  log(origin: string): AnchoredLog | undefined {
    return this.#logs.get(origin) ?? this.#parent.log(origin);
  }

  useNonce(key: Uint8Array): void {
    const { nonce, balance } = this.account(key);
    this.#put(key, { nonce: nonce + 1n, balance });
  }

  /** Moves money that is there: whether it is was decided before (X4). */
  move({ from, to, amount }: Move): void {
    const source = this.account(from);
    assert(source.balance >= amount, 'a balance never falls below zero (X4)');
    this.#put(from, { nonce: source.nonce, balance: source.balance - amount });
    const target = this.account(to);
    const balance = target.balance + amount;
    assert(balance < AMOUNT_LIMIT, 'sums stay below 2^63, because nothing creates money (X4)');
    this.#put(to, { nonce: target.nonce, balance });
  }

  putCluster(cluster: Cluster): void {
    this.#clusters.set(cluster.name, cluster);
  }

  putLog(log: AnchoredLog): void {
    this.#logs.set(log.origin, log);
  }

  /** Accounts that were written. */
  *accounts(): Iterable<{ readonly key: Uint8Array; readonly value: Account }> {
    yield* this.#accounts.values();
  }

  *clusters(): Iterable<Cluster> {
    yield* this.#clusters.values();
  }

  *logs(): Iterable<AnchoredLog> {
    yield* this.#logs.values();
  }

  /** For the state tree and the store. */
  *changes(): Iterable<StateChange> {
    for (const { key, value } of this.#accounts.values()) {
      const isEmpty = value.nonce === 0n && value.balance === 0n;
      yield [accountKey(key), isEmpty ? undefined : encodeAs(ACCOUNT, value)];
    }
    for (const cluster of this.#clusters.values()) {
      yield [clusterKey(cluster.name), encodeAs(CLUSTER, cluster)];
    }
    for (const log of this.#logs.values()) yield [logKey(log.origin), encodeAs(LOG, log)];
  }

  #put(key: Uint8Array, value: Account): void {
    const text = textKey(key);
    const entry = this.#accounts.get(text);
    if (entry === undefined) this.#accounts.set(text, { key, value });
    else entry.value = value;
  }
}
