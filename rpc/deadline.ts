/**
 * How long a call may wait. When time is up the caller is told `notary/outcome-unknown`: what it asked for may still
 * happen, so it may come back with the same key (notary.md N4).
 */
import { PyralogError } from '../base/errors.ts';
import { rpcError } from './errors.ts';

/** Gives up on `work` after `ms`. Nothing is cancelled: for work that goes on by itself, such as an entry on its way. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(outcomeUnknown(ms)), ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/**
 * Cancels `work` after `ms`, or when `gone` fires. The work's own `outcome-unknown` goes before ours, because it may
 * know the id; work that does not heed its signal is left behind.
 */
export async function cancelAfter<T>(
  ms: number,
  gone: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), ms);
  const signal = gone === undefined ? timeout.signal : AbortSignal.any([gone, timeout.signal]);
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
  // One turn of the loop is what the work has to say what it knows.
  const stop = () => setImmediate(() => giveUp(outcomeUnknown(ms)));
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(signal), givenUp]);
  } catch (error) {
    if (signal.aborted && !(error instanceof PyralogError)) throw outcomeUnknown(ms);
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function outcomeUnknown(ms: number): PyralogError {
  return rpcError(
    'notary/outcome-unknown',
    `no outcome within ${ms} ms: it may still happen; repeat the very same call, which finds what was taken`,
  );
}
