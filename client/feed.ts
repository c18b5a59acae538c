// SPDX-License-Identifier: Apache-2.0
/** Subscriptions as AsyncIterables. */
import { clientError } from './errors.ts';
import type { Exchange, SubscriptionRequest, Transport } from './transport.ts';

export interface FeedRequest<T> extends SubscriptionRequest {
  /** Reads one value; throws an RpcError when it cannot be read. */
  readonly read: (wire: unknown) => T;
  /** `newest`: a value that was not taken yet gives way to a newer one, which says all that it said. */
  readonly keep: 'newest' | 'all';
}

/**
 * Ends when the signal fires or the node has told all; throws when the connection is lost: subscribe again, what is final
 * or signed is told again.
 */
export async function* feedOf<T>(
  transport: Transport,
  { method, params, read, keep }: FeedRequest<T>,
  exchange: Exchange,
): AsyncGenerator<T, void, undefined> {
  if (transport.subscribe === undefined) {
    throw clientError('client/websocket-needed', 'subscriptions need a ws: or wss: address');
  }
  const values: T[] = [];
  const state: { ended?: { error: Error | undefined } } = {};
  let wake = () => {};
  const unsubscribe = await transport.subscribe(
    { method, params },
    {
      value(wire) {
        const value = read(wire);
        if (keep === 'newest') values.length = 0;
        values.push(value);
        wake();
      },
      end(error) {
        state.ended = { error };
        wake();
      },
    },
    exchange,
  );
  const { signal } = exchange;
  const onAbort = () => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    while (signal?.aborted !== true) {
      const value = values.shift();
      if (value !== undefined) yield value;
      else if (state.ended === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (state.ended.error === undefined) return;
      else throw state.ended.error;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    unsubscribe();
  }
}
