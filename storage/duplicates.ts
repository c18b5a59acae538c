import type { Outcome } from './outcome.ts';

/** Where a remembered record stands, and what it holds. */
export interface Remembered {
  readonly position: Omit<Outcome, 'status'>;
  /** Bytes 28 to 127 of its leaf record (N1), as hex. */
  readonly content: string;
}

export interface DuplicateWindow {
  readonly records: number;
  readonly ms: number;
}

/**
 * Which submissions a partition has seen, inside the window of notary.md N3.
 *
 * A function of the log alone (N2): it is asked and told only while entries are applied, in their order, and looks at
 * no clock. What falls out of the window is forgotten lazily: the queue is in order of offsets, hence of time (L5).
 */
export class Duplicates {
  readonly #window: DuplicateWindow;
  readonly #byScope = new Map<string, Remembered>();
  readonly #queue: { scope: string; remembered: Remembered }[] = [];

  constructor(window: DuplicateWindow) {
    this.#window = window;
  }

  /** What holds this scope for the record that would get `offset`, in an entry of `timestamp`. */
  find(scope: string, offset: number, timestamp: number): Remembered | undefined {
    this.#forget(offset, timestamp);
    return this.#byScope.get(scope);
  }

  add(scope: string, remembered: Remembered): void {
    this.#byScope.set(scope, remembered);
    this.#queue.push({ scope, remembered });
  }

  #forget(offset: number, timestamp: number): void {
    const { records, ms } = this.#window;
    let gone = 0;
    for (const { scope, remembered } of this.#queue) {
      const { position } = remembered;
      if (offset - position.offset <= records && timestamp - position.timestamp <= ms) break;
      // A newer record may hold the scope by now.
      if (this.#byScope.get(scope) === remembered) this.#byScope.delete(scope);
      gone++;
    }
    if (gone > 0) this.#queue.splice(0, gone);
  }
}

/** Scope of a submission (N1): with a key its content does not matter, without one it is all that does. */
export function scopeOf(submitter: string, key: string | undefined, content: string): string {
  return JSON.stringify(key === undefined ? { submitter, content } : { submitter, key });
}
