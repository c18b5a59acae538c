// SPDX-License-Identifier: Apache-2.0
/** How calls travel. */
import type { AnswerFrame, MethodName } from '../api/index.ts';

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
  ) => Promise<Answered>;
  /** Undefined = subscriptions are not supported. */
  readonly subscribe?: (
    request: SubscriptionRequest,
    events: SubscriptionEvents,
    exchange: Exchange,
  ) => Promise<() => void>;
  close(): Promise<void>;
}

/** What answers a frame that was not refused. */
export type Answered = Exclude<AnswerFrame, { kind: 'error' }>;

export interface SubscriptionRequest {
  /** Method that begins it; `notary_unsubscribe` ends every kind. */
  readonly method: MethodName;
  readonly params: unknown;
}

export interface SubscriptionEvents {
  /** A value in wire form; throws an RpcError when it cannot be read. */
  value(wire: unknown): void;
  /** The subscription is over; `error` says why, if it is not that all was told. */
  end(error: Error | undefined): void;
}
