// SPDX-License-Identifier: Apache-2.0
/** Calls over `fetch`: one request a call. */
import { readErrorObject } from '../api/index.ts';
import { clientError, RpcError } from './errors.ts';
import type { Exchange, Transport } from './transport.ts';

export function createHttpTransport(url: string, token: string | undefined): Transport {
  const closed = new AbortController();
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;

  const post = async (body: string, exchange: Exchange): Promise<unknown> => {
    const timeout = AbortSignal.timeout(exchange.answerMsMax);
    const signals = [closed.signal, timeout, ...(exchange.signal ? [exchange.signal] : [])];
    try {
      const init = { method: 'POST', headers, body, signal: AbortSignal.any(signals) };
      return await readAnswer(await fetch(url, init));
    } catch (cause) {
      exchange.signal?.throwIfAborted();
      if (cause instanceof RpcError) throw cause;
      if (closed.signal.aborted) throw clientError('client/closed', 'the client was closed');
      if (timeout.aborted) throw noAnswer(exchange.answerMsMax);
      throw clientError('client/unreachable', `no node answers at ${url}: is it running?`, cause);
    }
  };

  return {
    call: (method, params, exchange) =>
      post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), exchange),
    close: () => {
      closed.abort();
      return Promise.resolve();
    },
  };
}

async function readAnswer(response: Response): Promise<unknown> {
  const text = await response.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    const message = `the answer (HTTP ${response.status}) is not JSON: is this a Pyralog node?`;
    throw clientError('client/bad-answer', message, cause);
  }
  return readResult(answer);
}

/** The result of a JSON-RPC answer, or its error thrown. */
export function readResult(answer: unknown): unknown {
  if (typeof answer === 'object' && answer !== null) {
    if ('error' in answer) throw new RpcError(readErrorObject(answer.error));
    if ('result' in answer) return answer.result;
  }
  throw clientError(
    'client/bad-answer',
    'the answer is no JSON-RPC answer: is this a Pyralog node?',
  );
}

export function noAnswer(answerMsMax: number): RpcError {
  return clientError('client/no-answer', `no answer within ${answerMsMax} ms`);
}
