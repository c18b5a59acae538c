/** Ids and offsets of everything this generator was answered: none may come twice. */
import { BenchError } from '../errors.ts';

export class Seen {
  #ids = new BigUint64Array(1 << 16);
  #offsets = new Float64Array(1 << 16);
  #count = 0;

  add(id: bigint, offset: number): void {
    if (this.#count === this.#ids.length) this.#grow();
    this.#ids[this.#count] = id;
    this.#offsets[this.#count] = offset;
    this.#count++;
  }

  /** Throws `bench/wrong-answer` when a number was given to two records. Sorts: not for the measured time. */
  check(): void {
    const ids = this.#ids.slice(0, this.#count).sort();
    const offsets = this.#offsets.slice(0, this.#count).sort();
    for (let i = 1; i < this.#count; i++) {
      if (ids[i] === ids[i - 1])
        throw new BenchError('bench/wrong-answer', `id ${ids[i]} was given to two records`);
      if (offsets[i] === offsets[i - 1])
        throw new BenchError('bench/wrong-answer', `offset ${offsets[i]} was given to two records`);
    }
  }

  #grow(): void {
    const ids = new BigUint64Array(this.#ids.length * 2);
    const offsets = new Float64Array(this.#offsets.length * 2);
    ids.set(this.#ids);
    offsets.set(this.#offsets);
    this.#ids = ids;
    this.#offsets = offsets;
  }
}
