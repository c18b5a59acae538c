import { equalBytes } from '../base/bytes.ts';
import { Newest } from '../consensus/index.ts';
import {
  type FinalityProof,
  type Inclusion,
  parseCheckpointBody,
  parseNote,
} from '../receipt/index.ts';
import type { LogStore } from '../storage/index.ts';
import { notaryError } from './errors.ts';
import type { FinalAnchor, FinalAnchors } from './types.ts';

export interface FinalityDeps {
  readonly anchors: FinalAnchors;
  readonly logStore: LogStore;
  /** Told when the following of a log's anchors fails: then `final` is reported late, and receipts are still right. */
  readonly onError: (error: unknown) => void;
}

/** What makes a receipt final. */
export interface FinalEvidence {
  readonly inclusion: Inclusion;
  /** The anchored note. */
  readonly checkpoint: string;
  readonly proof: FinalityProof;
}

/** Proofs kept: receipts are asked for by the hundred under one anchor. */
const PROOFS_MAX = 64;

interface Followed {
  readonly newest: Newest<FinalAnchor>;
  /** Whether the chain has answered at all: before, nothing is known of older anchors. */
  heard: boolean;
}

/**
 * What the chain says of the logs here: which records are final, and what proves it.
 *
 * The newest anchor of each log is followed, so that most questions ("is this record final yet?") need no call. Everything older is asked of
 * the chain, which forgets nothing.
 */
export class Finality {
  readonly #deps: FinalityDeps;
  readonly #logs = new Map<string, Followed>();
  readonly #proofs = new Map<string, Promise<FinalityProof | undefined>>();
  readonly #stopping = new AbortController();

  constructor(deps: FinalityDeps) {
    this.#deps = deps;
    for (const { origin } of deps.logStore.partitions) {
      const followed = { newest: new Newest<FinalAnchor>(), heard: false };
      this.#logs.set(origin, followed);
      this.#follow(origin, followed).catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) deps.onError(error);
      });
    }
  }

  /** As far as it has been heard; at once. */
  isFinal(origin: string, offset: number): boolean {
    return (this.#logs.get(origin)?.newest.value?.size ?? 0) > offset;
  }

  /** Throws `notary/not-anchored` when the record is not final and nothing here will be before the operator acts (N8). */
  async checkHope(origin: string, offset: number): Promise<void> {
    const why = this.isFinal(origin, offset) ? undefined : await this.#deps.anchors.obstacle?.();
    if (why === undefined || (await this.#covering(origin, offset)) !== undefined) return;
    const message = `not final, and no wait makes it so: ${why}`;
    throw notaryError('notary/not-anchored', message, { data: { origin } });
  }

  /** The newest anchor, if any, then newer ones. */
  subscribe(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor> {
    return this.#followed(origin).newest.read('now', signal);
  }

  /** Resolves once a final anchor covers the record. Rejects with the signal's reason. */
  async reached(origin: string, offset: number, signal: AbortSignal): Promise<void> {
    if (await this.#covering(origin, offset)) return;
    for await (const { size } of this.subscribe(origin, signal)) if (size > offset) return;
    signal.throwIfAborted();
    throw new Error('invariant broken: anchors are followed while the notary runs');
  }

  /**
   * The evidence of the first final anchor that covers the record, so that its time is the earliest there is (N8); undefined while none
   * does, and when the anchored tree is not the one here, whose path would lead elsewhere.
   */
  async evidence(
    partition: number,
    offset: number,
    byHistory: boolean,
  ): Promise<FinalEvidence | undefined> {
    const { logStore } = this.#deps;
    const origin = logStore.partitions[partition]?.origin;
    const anchor = origin === undefined ? undefined : await this.#covering(origin, offset);
    if (anchor === undefined || !this.#isHere(partition, anchor)) return undefined;
    const { size, note } = anchor;
    const proof = await this.proof(anchor.origin, size, byHistory);
    if (proof === undefined) return undefined;
    const path = logStore.inclusion(partition, { index: offset, size }, 'blake3');
    return { inclusion: { size, path }, checkpoint: note, proof };
  }

  /** Of the anchor of exactly this size. */
  proof(origin: string, size: number, byHistory: boolean): Promise<FinalityProof | undefined> {
    const key = `${origin} ${size}`;
    // A path in the history is of the newest header: never the same for long.
    const kept = byHistory ? undefined : this.#proofs.get(key);
    if (kept !== undefined) return kept;
    const asked = this.#deps.anchors
      .proof(origin, size, byHistory)
      .then((found) => found && ({ kind: 'pos', ...found } as const));
    if (!byHistory) this.#keep(key, asked);
    return asked;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #follow(origin: string, followed: Followed): Promise<void> {
    const { signal } = this.#stopping;
    for await (const anchor of this.#deps.anchors.subscribe(origin, signal)) {
      followed.heard = true;
      if (anchor.size > (followed.newest.value?.size ?? 0)) followed.newest.set(anchor);
    }
  }

  async #covering(origin: string, offset: number): Promise<FinalAnchor | undefined> {
    const { newest, heard } = this.#followed(origin);
    if (heard && (newest.value?.size ?? 0) <= offset) return undefined;
    return await this.#deps.anchors.anchor(origin, offset + 1);
  }

  /** M7: a path that leads to another root is never given out. */
  #isHere(partition: number, { size, note }: FinalAnchor): boolean {
    const { logStore } = this.#deps;
    if (size > logStore.durableSize(partition)) return false;
    const root = rootOf(note);
    return root !== undefined && equalBytes(root, logStore.root(partition, size, 'blake3'));
  }

  #keep(key: string, asked: Promise<FinalityProof | undefined>): void {
    this.#proofs.set(key, asked);
    const forgetUnless = (useful: boolean) => {
      if (!useful && this.#proofs.get(key) === asked) this.#proofs.delete(key);
    };
    asked.then(
      (proof) => forgetUnless(proof !== undefined),
      () => forgetUnless(false),
    );
    if (this.#proofs.size <= PROOFS_MAX) return;
    for (const oldest of this.#proofs.keys()) {
      this.#proofs.delete(oldest);
      return;
    }
  }

  #followed(origin: string): Followed {
    const followed = this.#logs.get(origin);
    if (followed === undefined) throw new Error(`invariant broken: ${origin} is a log here`);
    return followed;
  }
}

/** BLAKE3 root of a signed checkpoint. */
export function rootOf(text: string): Uint8Array | undefined {
  const note = parseNote(text);
  const body = note.ok ? parseCheckpointBody(note.value.body) : note;
  return body.ok ? body.value.root : undefined;
}
