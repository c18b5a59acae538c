import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After the first calls were answered, so that nobody who waits for the start waits for this. */
export const SETTLE_MS = 1_000;

/** Makes {@link settleHeap} possible. Before the second thread starts: V8's flags belong to all threads and have no lock. */
export function allowSettling(): void {
  setFlagsFromString('--expose-gc');
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
