import { clusterAccount } from '../codec/state.ts';
import { textKey } from '../text-key.ts';
import type { Cluster } from '../types.ts';
import type { Candidate } from './candidate.ts';
import type { Pool } from './pool.ts';
import type { StateReads } from './types.ts';

/** Who pays for a transaction, and what that account has. */
export interface Purse {
  readonly key: string;
  readonly balance: bigint;
  /** For messages. */
  readonly name: string;
}

/**
 * What a batch of candidates needs to know of one state: nonces, balances, clusters. Taken from the pool, which knows the accounts of what
 * waits, else from the state, each account once. Good until the next block.
 */
export class Facts {
  readonly #pool: Pool;
  readonly #state: StateReads;
  readonly #nonces = new Map<string, bigint>();
  readonly #balances = new Map<string, bigint>();
  readonly #clusters = new Map<string, Cluster | undefined>();
  readonly #asked = new Set<string>();
  readonly #late: Promise<void>[] = [];

  constructor(pool: Pool, state: StateReads) {
    this.#pool = pool;
    this.#state = state;
  }

  /** A promise when the state did not answer at once. */
  learn(candidates: readonly Candidate[]): Promise<unknown> | undefined {
    for (const { transaction, senderKey, cluster } of candidates) {
      const waits = this.#pool.queue(senderKey);
      if (waits === undefined) this.#read(senderKey, transaction.sender);
      else this.#nonces.set(senderKey, waits.base);
      if (cluster === undefined) this.#learnBalance(senderKey, transaction.sender);
      else this.#learnCluster(cluster);
    }
    return this.#late.length === 0 ? undefined : Promise.all(this.#late.splice(0));
  }

  /** The next nonce of the sender's account. */
  nonce({ senderKey }: Candidate): bigint {
    return known(this.#nonces.get(senderKey));
  }

  /** Undefined when it is not registered. */
  cluster(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  purse({ senderKey, cluster }: Candidate): Purse {
    const key = cluster === undefined ? senderKey : textKey(clusterAccount(cluster));
    const name =
      cluster === undefined ? "the sender's account" : `the account of cluster ${cluster}`;
    return { key, balance: known(this.#balances.get(key)), name };
  }

  #learnCluster(name: string): void {
    if (this.#clusters.has(name)) return;
    this.#clusters.set(name, undefined);
    this.#keep(this.#state.cluster(name), (found) => this.#clusters.set(name, found));
    const account = clusterAccount(name);
    this.#learnBalance(textKey(account), account);
  }

  #learnBalance(key: string, account: Uint8Array): void {
    const payer = this.#pool.payer(key);
    if (payer === undefined) this.#read(key, account);
    else this.#balances.set(key, payer.balance);
  }

  #read(key: string, account: Uint8Array): void {
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    this.#keep(this.#state.account(account), ({ nonce, balance }) => {
      this.#nonces.set(key, nonce);
      this.#balances.set(key, balance);
    });
  }

  #keep<T>(read: T | Promise<T>, store: (value: T) => void): void {
    if (read instanceof Promise) this.#late.push(read.then(store));
    else store(read);
  }
}

function known<T>(fact: T | undefined): T {
  if (fact === undefined) throw new Error('invariant broken: a fact is learnt before it is used');
  return fact;
}
