import type { SignatureItem } from '../../native/index.ts';

/** Answers one byte an item: 1 where the signature is valid. */
export type VerifyAll = (items: readonly SignatureItem[]) => Promise<Uint8Array>;

interface Asked {
  readonly item: SignatureItem;
  readonly settle: (valid: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/** Enough for a thread to be busy for 20 ms, few enough for the next ones not to wait longer. */
const BATCH_MAX = 512;
/** One is checked while the next is gathered and handed over; more would take the cores from the votes. */
const BATCHES_MAX = 2;

/** Signature checks of many callers, put together: those of one turn of the event loop are one call. */
export class SignatureChecks {
  readonly #verify: VerifyAll;
  readonly #defer: (task: () => void) => void;
  /** By transaction id: gossip brings one from several sides at once. */
  readonly #underWay = new Map<string, Promise<boolean>>();
  #queue: Asked[] = [];
  #batches = 0;
  #deferred = false;

  constructor(verify: VerifyAll, defer: (task: () => void) => void) {
    this.#verify = verify;
    this.#defer = defer;
  }

  /** Whether the signature is valid; `key` names the question. Rejects when the checks themselves fail. */
  valid(key: string, item: SignatureItem): Promise<boolean> {
    const asked = this.#underWay.get(key);
    if (asked !== undefined) return asked;
    const promise = new Promise<boolean>((settle, fail) => {
      this.#queue.push({ item, settle, fail });
    });
    this.#underWay.set(key, promise);
    const forget = () => this.#underWay.delete(key);
    promise.then(forget, forget);
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#deferred || this.#batches >= BATCHES_MAX) return;
    this.#deferred = true;
    this.#defer(() => {
      this.#deferred = false;
      while (this.#queue.length > 0 && this.#batches < BATCHES_MAX) {
        void this.#send(this.#queue.splice(0, BATCH_MAX));
      }
    });
  }

  async #send(batch: readonly Asked[]): Promise<void> {
    this.#batches++;
    try {
      const valid = await this.#verify(batch.map(({ item }) => item));
      for (const [i, { settle }] of batch.entries()) settle(valid[i] === 1);
    } catch (error) {
      for (const { fail } of batch) fail(error);
    } finally {
      this.#batches--;
      if (this.#queue.length > 0) this.#schedule();
    }
  }
}
