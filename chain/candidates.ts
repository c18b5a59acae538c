import type { StateTree } from '../native/index.ts';
import type { BlockHeader } from '../receipt/index.ts';
import type { ExecutedBlock } from './execution/block.ts';
import type { StateChange } from './execution/working-state.ts';
import { textKey } from './text-key.ts';

/** A block on the head that was executed here: what is needed to make it final. */
export interface Candidate {
  readonly id: Uint8Array;
  readonly header: BlockHeader;
  readonly headerBytes: Uint8Array;
  readonly bytes: Uint8Array;
  readonly executed: ExecutedBlock;
  readonly changes: readonly StateChange[];
  /** Of the state tree, behind this block. Whoever holds the candidate releases it. */
  readonly version: number;
}

/** Competing blocks on one parent, by id (U6). */
export class Candidates {
  readonly #tree: StateTree;
  readonly #max: number;
  readonly #byId = new Map<string, Candidate>();

  constructor(tree: StateTree, max: number) {
    this.#tree = tree;
    this.#max = max;
  }

  get(id: Uint8Array): Candidate | undefined {
    return this.#byId.get(textKey(id));
  }

  /** Takes it over; one with the same id is the same block. The oldest goes when there are too many. */
  add(candidate: Candidate): void {
    const key = textKey(candidate.id);
    this.#drop(key);
    this.#byId.set(key, candidate);
    const [oldest] = this.#byId.keys();
    if (this.#byId.size > this.#max && oldest !== undefined) this.#drop(oldest);
  }

  /** One became final: its state lives on, the others' are released. */
  clear(winner: Candidate): void {
    this.#byId.delete(textKey(winner.id));
    for (const key of [...this.#byId.keys()]) this.#drop(key);
  }

  /** Releases all. */
  close(): void {
    for (const key of [...this.#byId.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    const candidate = this.#byId.get(key);
    if (candidate === undefined) return;
    this.#byId.delete(key);
    this.#tree.release(candidate.version);
  }
}
