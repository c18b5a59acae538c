// SPDX-License-Identifier: Apache-2.0
/** How calls travel. */
import type { Checkpoint, OutcomeFrame } from '../api/index.ts';

export interface Exchange {
  readonly signal?: AbortSignal;
  /** Longest wait for the answer. */
  readonly answerMsMax: number;
}

/** One try of a call; no transport repeats anything by itself. */
export interface Transport {
  /** The result in wire form; rejects with an RpcError, or with the signal's reason. */
  call(method: string, params: unknown, exchange: Exchange): Promise<unknown>;
  /** Sends a request frame made by `encode` for the given request id. Undefined = frames are not supported. */
  readonly frame?: (
    encode: (requestId: number) => Uint8Array,
    exchange: Exchange,
  ) => Promise<OutcomeFrame>;
  /** Undefined = subscriptions are not supported. */
  readonly subscribe?: (
    params: { topic: 'checkpoints'; origin: string },
    events: SubscriptionEvents,
    exchange: Exchange,
  ) => Promise<() => void>;
  close(): Promise<void>;
}

export interface SubscriptionEvents {
  checkpoint(checkpoint: Checkpoint): void;
  /** The subscription is over; `error` says why. */
  end(error: Error): void;
}
