// SPDX-License-Identifier: Apache-2.0
/** What a call can fail with. */
import type { RpcErrorObject } from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';

/** Codes that the client itself raises; all others are the node's (`notary/…`, `rpc/…`, `storage/…`). */
export type ClientErrorCode =
  /** The node cannot be reached. Nothing was sent, or nobody knows. */
  | 'client/unreachable'
  /** The connection went while the call was on its way. */
  | 'client/connection-lost'
  /** No answer within `answerMsMax`. */
  | 'client/no-answer'
  /** What came back is no answer of a Pyralog node. */
  | 'client/bad-answer'
  /** The method needs a `ws:` or `wss:` address. */
  | 'client/websocket-needed'
  /** Of a client of a cluster: nobody could say in time what became of it. Repeat it with the same key or content. */
  | 'client/outcome-unknown'
  /** An answer that the pinned keys do not bear out. */
  | 'client/untrusted-answer'
  /** What became of an earlier write of the session is unknown; nothing of this one was sent. */
  | 'client/session-unsettled'
  /** The client was closed. */
  | 'client/closed'
  /** The arguments cannot be sent. */
  | 'client/invalid-argument';

/**
 * A failed call: `code` is the reason to tell errors apart by (R3), such as `notary/idempotency-conflict`; `data` has
 * what else the node said, such as the `id` of the record that holds the key.
 */
export class RpcError extends PyralogError {
  /** The JSON-RPC number; 0 when the call never reached a node. */
  readonly rpcCode: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Do not come back sooner; undefined = the client's own pace. */
  readonly retryAfterMs: number | undefined;

  constructor(error: RpcErrorObject, cause?: unknown) {
    const { reason, retryable, retryAfterMs, ...rest } = error.data;
    super(reason, error.message, {
      data: fieldsOf(rest),
      ...(cause === undefined ? {} : { cause }),
    });
    this.rpcCode = error.code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }

  /** The same as `code`, under the name it has on the wire. */
  get reason(): string {
    return this.code;
  }
}

const RETRYABLE: ReadonlySet<ClientErrorCode> = new Set([
  'client/unreachable',
  'client/connection-lost',
  'client/no-answer',
  'client/outcome-unknown',
  'client/session-unsettled',
]);

export function clientError(code: ClientErrorCode, message: string, cause?: unknown): RpcError {
  const data = { reason: code, retryable: RETRYABLE.has(code) };
  return new RpcError({ code: 0, message, data }, cause);
}

function fieldsOf(
  data: Readonly<Record<string, string | number | boolean | undefined>>,
): Record<string, string | number> {
  const fields: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(data)) {
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  return fields;
}
