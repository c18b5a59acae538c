import { assert } from '../../base/errors.ts';
import type { Instant } from '../../base/time.ts';
import { textKey } from '../text-key.ts';
import type { PoolEntry } from './types.ts';

/** Transactions of one sender that may wait, and how far ahead of the account's nonce they may be (X17). */
export const SENDER_MAX = 1_024;

/** A transaction in its place. */
export interface Waiting extends PoolEntry {
  /** {@link textKey} of its id. */
  readonly key: string;
  /** Who pays the fee (X3), and all that the payer loses by it: the fee, and what a transfer or a deposit takes along. */
  readonly payer: string;
  readonly cost: bigint;
  /** Fee per byte. A float: ranks are this node's own affair, and two that differ less are equal. */
  readonly rate: number;
  /** Order of arrival, unique. */
  readonly order: number;
  readonly since: Instant;
}

/**
 * What waits of one account, by nonce. The line may have gaps (transactions travel out of order); only what stands before the first gap
 * can be proposed.
 */
export class SenderQueue {
  readonly key: string;
  readonly sender: Uint8Array;
  /** The account's next nonce: position 0 of the line. */
  #base: bigint;
  #line: (Waiting | undefined)[] = [];
  #count = 0;
  #ready = 0;
  /** The account is being read anew: nothing of it is proposed until that is done. */
  held = false;

  constructor(sender: Uint8Array, base: bigint) {
    this.key = textKey(sender);
    this.sender = sender;
    this.#base = base;
  }

  get base(): bigint {
    return this.#base;
  }

  get count(): number {
    return this.#count;
  }

  /** How many stand before the first gap. */
  get ready(): number {
    return this.#ready;
  }

  /** First nonce that nothing holds. */
  get free(): bigint {
    return this.#base + BigInt(this.#ready);
  }

  /** The one with the highest nonce. */
  get last(): Waiting | undefined {
    return this.#line.at(-1);
  }

  at(position: number): Waiting | undefined {
    return this.#line[position];
  }

  /** May be negative, or far beyond the line. */
  position(nonce: bigint): number {
    return Number(nonce - this.#base);
  }

  /** The nearest one with a lower nonce than `position`. */
  before(position: number): Waiting | undefined {
    for (let at = position - 1; at >= 0; at--) {
      const found = this.#line[at];
      if (found !== undefined) return found;
    }
    return undefined;
  }

  put(entry: Waiting): void {
    const position = this.position(entry.transaction.nonce);
    assert(position >= 0 && position <= SENDER_MAX, 'a nonce within the line');
    assert(this.#line[position] === undefined, 'one transaction a nonce');
    while (this.#line.length < position) this.#line.push(undefined);
    this.#line[position] = entry;
    this.#count++;
    while (this.#line[this.#ready] !== undefined) this.#ready++;
  }

  remove(entry: Waiting): void {
    const position = this.position(entry.transaction.nonce);
    assert(this.#line[position] === entry, 'it stands in its place');
    this.#line[position] = undefined;
    this.#count--;
    if (position < this.#ready) this.#ready = position;
    while (this.#line.length > 0 && this.#line.at(-1) === undefined) this.#line.pop();
  }

  /** Moves the line to the account's new nonce, which never falls; what is used up must be gone from it. */
  rebase(base: bigint): void {
    const by = this.position(base);
    if (by <= 0) return;
    assert(
      this.#line.slice(0, by).every((entry) => entry === undefined),
      'used nonces are gone',
    );
    this.#line.splice(0, by);
    this.#base = base;
    this.#ready = 0;
    while (this.#line[this.#ready] !== undefined) this.#ready++;
  }

  *entries(): Generator<Waiting> {
    for (const entry of this.#line) if (entry !== undefined) yield entry;
  }
}
