// SPDX-License-Identifier: Apache-2.0
/**
 * Repeats a call that failed for a while. Only for calls that may be repeated: reads, and submissions, which the log
 * recognises by their key or content (notary.md N1), so that a repeat gives the same record and not a second one.
 */
import { RpcError } from './errors.ts';
import type { RetryOptions } from './types.ts';

export const defaultRetry: RetryOptions = {
  attemptsMax: 4,
  waitMsFirst: 100,
  waitMsMax: 5_000,
};

/**
 * Runs `attempt` until it succeeds, fails for good, or has had its tries; rejects with the last error. No try begins at or
 * after `until`, on the clock of `performance.now()`.
 */
export async function withRetry<T>(
  options: RetryOptions,
  { signal, until }: { readonly signal: AbortSignal | undefined; readonly until?: number },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RpcError) || !error.retryable || tried >= options.attemptsMax)
        throw error;
      const ms = waitMs(options, tried, error.retryAfterMs);
      if (until !== undefined && performance.now() + ms >= until) throw error;
      await pause(ms, signal);
    }
  }
}

/** Doubles with every try; half of it is chance, so that clients that failed together do not come back together. */
function waitMs(options: RetryOptions, tried: number, retryAfterMs: number | undefined): number {
  const full = Math.min(options.waitMsMax, options.waitMsFirst * 2 ** (tried - 1));
  return Math.max(retryAfterMs ?? 0, 0) + full * (0.5 + Math.random() / 2);
}

/** Resolves after so long; rejects with the signal's reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
