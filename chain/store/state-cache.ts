import { assert } from '../../base/errors.ts';
import type { KeyValue } from '../../storage/index.ts';
import { decodeAs, type Format } from '../codec/cbor.ts';
import {
  ACCOUNT,
  accountKey,
  CLUSTER,
  clusterAccount,
  clusterKey,
  LOG,
  logKey,
} from '../codec/state.ts';
import type { Access } from '../execution/access.ts';
import type { StateView } from '../execution/plan.ts';
import type { WorkingState } from '../execution/working-state.ts';
import { Lru } from '../lru.ts';
import { textKey } from '../text-key.ts';
import type { Account, AnchoredLog, Cluster } from '../types.ts';
import { damaged } from './chain-store.ts';
import { stateKey } from './layout.ts';

const EMPTY: Account = { nonce: 0n, balance: 0n };
/** Stands for "there is no such entry". */
type Kept<T> = T | null;

/** Entries of the newest final state, decoded, in front of the store. */
export class StateCache {
  readonly #kv: KeyValue;
  readonly #accounts: Lru<Account>;
  readonly #clusters: Lru<Kept<Cluster>>;
  readonly #logs: Lru<Kept<AnchoredLog>>;
  /** Changes with every block, so that what was read before one is never kept behind it. */
  #generation = 0;

  constructor(kv: KeyValue, entriesMax: number) {
    this.#kv = kv;
    this.#accounts = new Lru(entriesMax);
    this.#clusters = new Lru(entriesMax);
    this.#logs = new Lru(entriesMax);
  }

  /** Undefined when it is not in memory. */
  account(key: Uint8Array): Account | undefined {
    return this.#accounts.get(textKey(key));
  }

  /** Undefined when it is not in memory; null when there is no such cluster. */
  cluster(name: string): Kept<Cluster> | undefined {
    return this.#clusters.get(name);
  }

  /** Fetches everything that these transactions may touch, in one read, as a view that stays as it is. */
  async fetch(list: Iterable<Access>): Promise<FetchedState> {
    for (;;) {
      const view = new FetchedState(this.#generation);
      if (await this.extend(view, list)) return view;
    }
  }

  /** Adds what more transactions may touch; false when a block became final meanwhile, so that the view is of an old state. */
  async extend(view: FetchedState, list: Iterable<Access>): Promise<boolean> {
    const missing = this.#collect(list, view);
    if (missing.length === 0) return view.generation === this.#generation;
    const values = await this.#kv.getMany(missing.map(({ key }) => stateKey(key)));
    if (view.generation !== this.#generation) return false;
    for (const [i, { take }] of missing.entries()) take(values[i]);
    return true;
  }

  /** A block became final: its changes are the newest state now. */
  apply(state: WorkingState): void {
    this.#generation++;
    for (const { key, value } of state.accounts()) this.#accounts.set(textKey(key), value);
    for (const cluster of state.clusters()) this.#clusters.set(cluster.name, cluster);
    for (const log of state.logs()) this.#logs.set(log.origin, log);
  }

  /** Puts what is in memory into the view, and says what must be read. */
  #collect(list: Iterable<Access>, view: FetchedState): Missing[] {
    const missing: Missing[] = [];
    for (const { accounts, cluster, log } of list) {
      for (const key of accounts) this.#account(key, view, missing);
      if (cluster !== undefined) this.#cluster(cluster, view, missing);
      if (log !== undefined) this.#log(log, view, missing);
    }
    return missing;
  }

  #account(key: Uint8Array, view: FetchedState, missing: Missing[]): void {
    const text = textKey(key);
    if (view.accounts.has(text)) return;
    const kept = this.#accounts.get(text);
    view.accounts.set(text, kept ?? EMPTY);
    if (kept !== undefined) return;
    const take = (value: Uint8Array | undefined) => {
      const account = entry(ACCOUNT, value) ?? EMPTY;
      view.accounts.set(text, account);
      this.#accounts.set(text, account);
    };
    missing.push({ key: accountKey(key), take });
  }

  #cluster(name: string, view: FetchedState, missing: Missing[]): void {
    if (view.clusters.has(name)) return;
    const kept = this.#clusters.get(name);
    view.clusters.set(name, kept ?? null);
    if (kept !== undefined) return;
    const take = (value: Uint8Array | undefined) => {
      const found = entry(CLUSTER, value);
      const cluster =
        found === undefined ? null : { name, account: clusterAccount(name), ...found };
      view.clusters.set(name, cluster);
      this.#clusters.set(name, cluster);
    };
    missing.push({ key: clusterKey(name), take });
  }

  #log(origin: string, view: FetchedState, missing: Missing[]): void {
    if (view.logs.has(origin)) return;
    const kept = this.#logs.get(origin);
    view.logs.set(origin, kept ?? null);
    if (kept !== undefined) return;
    const take = (value: Uint8Array | undefined) => {
      const found = entry(LOG, value);
      const log = found === undefined ? null : { origin, ...found };
      view.logs.set(origin, log);
      this.#logs.set(origin, log);
    };
    missing.push({ key: logKey(origin), take });
  }
}

interface Missing {
  readonly key: Uint8Array;
  readonly take: (value: Uint8Array | undefined) => void;
}

/** What one block may touch. Reading anything else is a bug: it would make execution depend on what happens to be there. */
export class FetchedState implements StateView {
  readonly generation: number;
  readonly accounts = new Map<string, Account>();
  readonly clusters = new Map<string, Kept<Cluster>>();
  readonly logs = new Map<string, Kept<AnchoredLog>>();

  constructor(generation: number) {
    this.generation = generation;
  }

  account(key: Uint8Array): Account {
    const account = this.accounts.get(textKey(key));
    assert(account !== undefined, 'an account is fetched before it is read');
    return account;
  }

  cluster(name: string): Cluster | undefined {
    const cluster = this.clusters.get(name);
    assert(cluster !== undefined, 'a cluster is fetched before it is read');
    return cluster ?? undefined;
  }

  log(origin: string): AnchoredLog | undefined {
    const log = this.logs.get(origin);
    assert(log !== undefined, 'a log is fetched before it is read');
    return log ?? undefined;
  }
}

function entry<T>(format: Format<T>, value: Uint8Array | undefined): T | undefined {
  if (value === undefined) return undefined;
  const decoded = decodeAs(format, value);
  if (!decoded.ok) throw damaged(`an entry of the state: ${decoded.reason}`);
  return decoded.value;
}
