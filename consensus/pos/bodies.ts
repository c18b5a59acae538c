import type { BlockInfo } from '../engine.ts';
import { keyOf } from './cbor.ts';

/** Blocks of one height that are kept (P31). */
const BODIES_MAX = 16;
/** Of those, so many that this node voted for last are kept whatever comes. */
const VOTED_MAX = 8;
/** Blocks of later heights that wait for theirs. */
const EARLY_MAX = 8;

/** A block of the height under way that the app has executed. */
export interface Body {
  readonly info: BlockInfo;
  /** Index in the set of who first proposed it. */
  readonly proposer: number;
  readonly bytes: Uint8Array;
}

/** The blocks of the height under way (P31). */
export class Bodies {
  readonly #known = new Map<string, Body>();
  /** Ids of what this node built, by round (P23). */
  readonly #own = new Map<number, Uint8Array>();
  /** Those in the log. */
  readonly #durable = new Set<string>();

  /** Ids this node voted for, the newest last. */
  readonly #voted = new Set<string>();
  readonly #executedAt = new Map<string, number>();
  #executions = 0;

  get(id: Uint8Array): Body | undefined {
    return this.#known.get(keyOf(id));
  }

  /** Keeps a block that was executed just now. */
  add(body: Body): void {
    this.restore(body);
    this.touch(body);
  }

  /** Whether so many were executed since that an app need not remember this one. */
  isOld(id: Uint8Array): boolean {
    return this.#executions - (this.#executedAt.get(keyOf(id)) ?? 0) >= BODIES_MAX;
  }

  /** Keeps it for longer; the one that nobody proposed for longest makes room (it would be sent again). */
  touch(body: Body): void {
    const key = keyOf(body.info.id);
    this.#known.delete(key);
    this.#known.set(key, body);
    this.#makeRoom();
  }

  /** Keeps a block out of the log, which says only later what this node voted for. */
  restore(body: Body): void {
    this.#executions++;
    this.#executedAt.set(keyOf(body.info.id), this.#executions);
    this.#known.set(keyOf(body.info.id), body);
  }

  /**
   * This node is about to vote for it. Whoever is locked on a block must be able to propose it again: a proposer that makes one block
   * after another would otherwise drive it out, and the height would never end.
   */
  voted(id: Uint8Array): void {
    const key = keyOf(id);
    this.#voted.delete(key);
    this.#voted.add(key);
    if (this.#voted.size <= VOTED_MAX) return;
    const [oldest] = this.#voted;
    if (oldest !== undefined) this.#voted.delete(oldest);
  }

  #makeRoom(): void {
    for (const key of this.#known.keys()) {
      if (this.#known.size <= BODIES_MAX) return;
      if (!this.#voted.has(key)) this.#known.delete(key);
    }
  }

  addOwn(round: number, body: Body): void {
    this.add(body);
    this.setOwn(round, body.info.id);
  }

  setOwn(round: number, id: Uint8Array): void {
    this.#own.set(round, id);
  }

  own(round: number): Uint8Array | undefined {
    return this.#own.get(round);
  }

  isDurable(id: Uint8Array): boolean {
    return this.#durable.has(keyOf(id));
  }

  setDurable(id: Uint8Array): void {
    this.#durable.add(keyOf(id));
  }

  clear(): void {
    this.#known.clear();
    this.#own.clear();
    this.#durable.clear();
    this.#voted.clear();
    this.#executedAt.clear();
    this.#executions = 0;
  }
}

/** Things of later heights that wait for theirs, few of each and few in all (P31). */
export class Early<T extends { readonly height: number }> {
  #waiting: T[] = [];

  add(item: T, isSame: (other: T) => boolean): void {
    if (this.#waiting.length < EARLY_MAX && !this.#waiting.some(isSame)) this.#waiting.push(item);
  }

  /** Those of this height; drops those below. */
  take(height: number): T[] {
    const now = this.#waiting.filter((item) => item.height === height);
    this.#waiting = this.#waiting.filter((item) => item.height > height);
    return now;
  }
}
