// SPDX-License-Identifier: Apache-2.0
/** Checkpoints of a log as an AsyncIterable: newest first, then every newer one that the reader is in time for. */
import type { Checkpoint } from '../api/index.ts';
import { clientError } from './errors.ts';
import type { Exchange, Transport } from './transport.ts';

/**
 * A slow reader skips: a newer checkpoint replaces one that was not taken yet, for it covers everything before.
 * Ends when the signal fires; throws when the connection is lost: subscribe again, nothing is missed.
 */
export async function* checkpointsOf(
  transport: Transport,
  origin: string,
  exchange: Exchange,
): AsyncGenerator<Checkpoint, void, undefined> {
  if (transport.subscribe === undefined) {
    throw clientError('client/websocket-needed', 'subscriptions need a ws: or wss: address');
  }
  let newest: Checkpoint | undefined;
  let ended: Error | undefined;
  let wake = () => {};
  const unsubscribe = await transport.subscribe(
    { topic: 'checkpoints', origin },
    {
      checkpoint(checkpoint) {
        newest = checkpoint;
        wake();
      },
      end(error) {
        ended = error;
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
      if (newest !== undefined) {
        const checkpoint = newest;
        newest = undefined;
        yield checkpoint;
      } else if (ended !== undefined) {
        throw ended;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    unsubscribe();
  }
}
