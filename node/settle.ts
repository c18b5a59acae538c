import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After the first calls were answered, so that nobody who waits for the start waits for this. */
export const SETTLE_MS = 1_000;

/**
 * Prepares V8 for two threads. To be called before the second one starts: V8's flags belong to all threads and have no
 * lock.
 *
 * `--expose-gc` makes {@link settleHeap} possible. A `--max-semi-space-size` on the command line has done its work, which
 * is to keep this thread's heap small; left on, it would go before the limits that the RPC thread is given.
 */
export function prepareHeaps(): void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--max-semi-space-size=0');
}

/**
 * Gives back what starting up left behind: one full collection of this thread's heap. Otherwise a node at rest keeps
 * some 20 MB of module sources and syntax trees until load makes V8 collect them.
 */
export function settleHeap(): void {
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }
}
