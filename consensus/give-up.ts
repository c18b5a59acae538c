/**
 * Waits for `work` no longer than `signal` allows. The work itself goes on; what it comes to later is nobody's any more, so
 * a late rejection is let go.
 */
export function giveUpOn<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  reason: () => unknown,
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(reason());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
