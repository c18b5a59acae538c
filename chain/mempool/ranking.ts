import { assert } from '../../base/errors.ts';
import { Frontier, type Ranked } from './frontier.ts';

/**
 * Items in order of a rank that changes: a binary heap that knows where each item stands.
 *
 * Setting and removing cost log n; {@link ascending} looks at the first k in order without taking anything out, for k log k,
 * whatever n is. Equal ranks go by the tie, which the owner keeps unique, so that the order never depends on history.
 */
export class Ranking<T> {
  readonly #items: T[] = [];
  readonly #ranks: number[] = [];
  readonly #ties: number[] = [];
  readonly #at = new Map<T, number>();

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  /** Inserts the item, or moves it. */
  set(item: T, rank: number, tie: number): void {
    const at = this.#at.get(item) ?? this.#items.length;
    this.#place(at, item, rank, tie);
    this.#rise(at);
    this.#sink(this.#at.get(item) ?? at);
  }

  /** Takes the item out, if it is in. */
  delete(item: T): void {
    const at = this.#at.get(item);
    if (at === undefined) return;
    const last = this.#items.length - 1;
    if (at !== last) this.#swap(at, last);
    this.#items.pop();
    this.#ranks.pop();
    this.#ties.pop();
    this.#at.delete(item);
    if (at === last) return;
    this.#rise(at);
    this.#sink(at);
  }

  /**
   * Items from the smallest rank up. The ranking must not change while it is read. `after` gives what follows an item in its own
   * line (rank and tie of the same item further on); it takes part in the order like an item of its own.
   */
  *ascending<S extends Step<T>>(
    start: (item: T) => S,
    after: (step: S) => S | undefined,
  ): Generator<S> {
    const frontier = new Frontier<Reached<S>>();
    const enter = (at: number) => {
      const item = this.#items[at];
      if (item === undefined) return;
      const step = start(item);
      frontier.push({ step, at, rank: step.rank, tie: step.tie });
    };
    enter(0);
    for (let next = frontier.pop(); next !== undefined; next = frontier.pop()) {
      const { step, at } = next;
      if (at !== undefined) {
        enter(2 * at + 1);
        enter(2 * at + 2);
      }
      yield step;
      const following = after(step);
      if (following === undefined) continue;
      const { rank, tie } = following;
      frontier.push({ step: following, at: undefined, rank, tie });
    }
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      if (left >= this.#items.length) return;
      const right = left + 1;
      const least = right < this.#items.length && this.#before(right, left) ? right : left;
      if (!this.#before(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#ranks[a] ?? 0) - (this.#ranks[b] ?? 0);
    return difference < 0 || (difference === 0 && (this.#ties[a] ?? 0) < (this.#ties[b] ?? 0));
  }

  #swap(a: number, b: number): void {
    const [itemA, itemB] = [this.#items[a], this.#items[b]];
    assert(itemA !== undefined && itemB !== undefined, 'a heap has no holes');
    const [rankA, tieA] = [this.#ranks[a] ?? 0, this.#ties[a] ?? 0];
    this.#place(a, itemB, this.#ranks[b] ?? 0, this.#ties[b] ?? 0);
    this.#place(b, itemA, rankA, tieA);
  }

  #place(at: number, item: T, rank: number, tie: number): void {
    this.#items[at] = item;
    this.#ranks[at] = rank;
    this.#ties[at] = tie;
    this.#at.set(item, at);
  }
}

/** A place in the order of {@link Ranking.ascending}. */
export interface Step<T> extends Ranked {
  readonly item: T;
}

interface Reached<S> extends Ranked {
  readonly step: S;
  /** In the heap; undefined for what follows an item in its own line. */
  readonly at: number | undefined;
}
