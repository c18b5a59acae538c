/** What a notary sees of a chain, in memory: the test says which checkpoints became final. */
import { Newest, readCheckpoint } from '../../consensus/index.ts';
import type { FinalAnchor, FinalAnchors } from '../../notary/index.ts';

export class MemoryAnchors implements FinalAnchors {
  readonly anchors: FinalAnchor[] = [];
  /** Calls of `anchor` and `proof`. */
  calls = 0;
  /** Proofs are not there yet. */
  unproved = false;
  /** Why nothing is anchored. */
  hindrance: string | undefined;
  readonly #newest = new Map<string, Newest<FinalAnchor>>();

  /** Puts a checkpoint on the chain. */
  finalize(note: string): FinalAnchor {
    const { origin, size } = readCheckpoint(note);
    const height = this.anchors.length + 1;
    const anchor = { origin, size, note, height, time: 1_800_000_000_000 + height };
    this.anchors.push(anchor);
    this.#of(origin).set(anchor);
    return anchor;
  }

  async anchor(origin: string, size: number): Promise<FinalAnchor | undefined> {
    this.calls++;
    await null;
    // As through a message port: a copy.
    return structuredClone(
      this.anchors.find((each) => each.origin === origin && each.size >= size),
    );
  }

  async proof(
    origin: string,
    size: number,
    byHistory = false,
  ): Promise<{ scheme: number; proof: Uint8Array } | undefined> {
    this.calls++;
    await null;
    const found = this.anchors.some((each) => each.origin === origin && each.size === size);
    if (!found || this.unproved) return undefined;
    return { scheme: byHistory ? 2 : 1, proof: Uint8Array.from(Buffer.from(`${origin} ${size}`)) };
  }

  async obstacle(): Promise<string | undefined> {
    return this.hindrance;
  }

  subscribe(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor> {
    return this.#of(origin).read('now', signal);
  }

  #of(origin: string): Newest<FinalAnchor> {
    const found = this.#newest.get(origin) ?? new Newest<FinalAnchor>();
    this.#newest.set(origin, found);
    return found;
  }
}
