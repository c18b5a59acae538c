import type { GoodbyeReason } from '../control.ts';
import type { PeerId } from '../types.ts';

/** How a dial ended: with a link, or with the reason why there is none (undefined when nobody said). */
export type Outcome = 'linked' | GoodbyeReason | undefined;

/** Who waits for a link to a peer. */
export class Waiters {
  readonly #waiting = new Map<PeerId, Set<(outcome: Outcome) => void>>();

  /** Resolves with what becomes of the link; undefined also when the signal aborts. */
  wait(peer: PeerId, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(peer) ?? new Set();
      this.#waiting.set(peer, waiting);
      const settle = (outcome: Outcome) => {
        signal.removeEventListener('abort', onAbort);
        waiting.delete(settle);
        if (waiting.size === 0) this.#waiting.delete(peer);
        resolve(outcome);
      };
      const onAbort = () => settle(undefined);
      signal.addEventListener('abort', onAbort);
      waiting.add(settle);
    });
  }

  settle(peer: PeerId, outcome: Outcome): void {
    for (const settle of [...(this.#waiting.get(peer) ?? [])]) settle(outcome);
  }

  close(): void {
    for (const peer of [...this.#waiting.keys()]) this.settle(peer, undefined);
  }
}
