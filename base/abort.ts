// SPDX-License-Identifier: Apache-2.0
/** Listeners of an abort signal that many share and that come and go quickly, such as all who wait on one connection. */

const listening = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when the signal fires, which it has not yet; the function that is returned ends that.
 *
 * An event target finds a listener by looking through all of them, and `AbortSignal.any` costs 17 µs and a finalizer:
 * with a thousand calls a second that wait, either is much of what they cost. A listener must not throw.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listening.get(signal) ?? new Set();
  if (!listening.has(signal)) {
    listening.set(signal, listeners);
    const fire = () => {
      for (const each of [...listeners]) each();
      listeners.clear();
    };
    signal.addEventListener('abort', fire, { once: true });
  }
  // Of its own, so that one function may listen twice.
  const own = () => listener();
  listeners.add(own);
  return () => {
    listeners.delete(own);
  };
}
