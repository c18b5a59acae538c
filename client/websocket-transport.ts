// SPDX-License-Identifier: Apache-2.0
/**
 * Calls, binary frames and subscriptions over one WebSocket. Calls are pipelined: each goes out at once, answers come in
 * any order. A connection that is lost fails everything on it; the next call opens a new one.
 */
import { decodeAnswerFrame, readErrorObject } from '../api/index.ts';
import { clientError, RpcError } from './errors.ts';
import { noAnswer, readResult } from './http-transport.ts';
import type {
  Answered,
  Exchange,
  SubscriptionEvents,
  SubscriptionRequest,
  Transport,
} from './transport.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** More notifications than one subscription may send in the turn of the answer that names it: an id each (R4). */
const EARLY_MAX = 2_048;
/** Request ids of frames are u32 (R8). */
const REQUEST_IDS = 0x1_0000_0000;

export class WebSocketTransport implements Transport {
  readonly #url: string;
  #link: Promise<Link> | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  readonly call = async (method: string, params: unknown, exchange: Exchange): Promise<unknown> => {
    const link = await this.#open(exchange);
    return link.call(method, params, exchange);
  };

  readonly frame = async (
    encode: (requestId: number) => Uint8Array,
    exchange: Exchange,
  ): Promise<Answered> => {
    const link = await this.#open(exchange);
    return link.frame(encode, exchange);
  };

  readonly subscribe = async (
    request: SubscriptionRequest,
    events: SubscriptionEvents,
    exchange: Exchange,
  ): Promise<() => void> => {
    const link = await this.#open(exchange);
    return link.subscribe(request, events, exchange);
  };

  async close(): Promise<void> {
    this.#closed = true;
    // A connection that never came up was told to the calls that waited for it; there is nothing to close.
    const link = await this.#link?.catch(() => undefined);
    await link?.close();
  }

  async #open(exchange: Exchange): Promise<Link> {
    if (this.#closed) throw clientError('client/closed', 'the client was closed');
    exchange.signal?.throwIfAborted();
    this.#link ??= connect(this.#url, exchange.answerMsMax, () => {
      this.#link = undefined;
    });
    return this.#link;
  }
}

/** `lost` is called once, when the connection is not (or no longer) there. It has so long to come up. */
function connect(url: string, openMsMax: number, lost: () => void): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    const link = new Link(socket);
    // A node that hangs takes connections and says nothing.
    const timer = setTimeout(() => socket.close(), openMsMax);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve(link);
    });
    socket.addEventListener('message', ({ data }) => link.receive(data));
    // An error is always followed by a close, which says no less.
    socket.addEventListener('error', () => {});
    socket.addEventListener('close', () => {
      clearTimeout(timer);
      lost();
      reject(clientError('client/unreachable', `no node answers at ${url}: is it running?`));
      link.lost();
    });
  });
}

/** One open connection. */
class Link {
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, Pending>();
  readonly #frames = new Map<number, Pending>();
  readonly #subscriptions = new Map<string, SubscriptionEvents>();
  /** Notifications of subscriptions nobody knows yet: they may come in the same turn as the answer that names it. */
  readonly #early: { subscription: string; params: unknown }[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #last = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  call(method: string, params: unknown, exchange: Exchange): Promise<unknown> {
    const id = this.#nextId();
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    return this.#exchange({ calls: this.#calls, id, message: text }, exchange);
  }

  async frame(encode: (requestId: number) => Uint8Array, exchange: Exchange): Promise<Answered> {
    const id = this.#nextId();
    const message = encode(id);
    const answer = await this.#exchange({ calls: this.#frames, id, message }, exchange);
    return answer as Answered; // the only thing #receiveFrame resolves with
  }

  async subscribe(
    request: SubscriptionRequest,
    events: SubscriptionEvents,
    exchange: Exchange,
  ): Promise<() => void> {
    const subscription = String(await this.call(request.method, request.params, exchange));
    this.#subscriptions.set(subscription, events);
    for (const early of this.#early.splice(0)) {
      if (early.subscription === subscription) this.#notified(early.params);
    }
    return () => {
      if (!this.#subscriptions.delete(subscription)) return;
      const message = { jsonrpc: '2.0', method: 'notary_unsubscribe', params: { subscription } };
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    };
  }

  receive(data: unknown): void {
    if (typeof data === 'string') this.#receiveText(data);
    else if (data instanceof ArrayBuffer) this.#receiveFrame(new Uint8Array(data));
  }

  lost(): void {
    const error = clientError(
      'client/connection-lost',
      'the connection went while a call was on its way',
    );
    for (const calls of [this.#calls, this.#frames]) {
      for (const pending of calls.values()) pending.reject(error);
      calls.clear();
    }
    for (const events of this.#subscriptions.values()) events.end(error);
    this.#subscriptions.clear();
    this.#closed.resolve();
  }

  close(): Promise<void> {
    this.#socket.close(1000);
    return this.#closed.promise;
  }

  #nextId(): number {
    this.#last = (this.#last + 1) % REQUEST_IDS;
    return this.#last;
  }

  #exchange(
    {
      calls,
      id,
      message,
    }: { calls: Map<number, Pending>; id: number; message: string | Uint8Array },
    { signal, answerMsMax }: Exchange,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onAbort = () => settle(() => reject(signal?.reason));
      const timer = setTimeout(() => settle(() => reject(noAnswer(answerMsMax))), answerMsMax);
      const settle = (act: () => void) => {
        calls.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      calls.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      else this.#send(calls, id, message);
    });
  }

  #send(calls: Map<number, Pending>, id: number, message: string | Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      // What is sent here was made here: an ArrayBuffer of its own, never a shared one.
      this.#socket.send(message as string | Uint8Array<ArrayBuffer>);
      return;
    }
    calls.get(id)?.reject(clientError('client/connection-lost', 'the connection is gone'));
  }

  #receiveText(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#giveUp('the node sent a text that is not JSON');
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    if ('method' in message) {
      if ('params' in message) this.#notified(message.params);
      return;
    }
    const id = 'id' in message ? message.id : undefined;
    const pending = typeof id === 'number' ? this.#calls.get(id) : undefined;
    // An answer nobody waits for: the call was given up.
    if (pending === undefined) return;
    try {
      pending.resolve(readResult(message));
    } catch (error) {
      pending.reject(error);
    }
  }

  #receiveFrame(bytes: Uint8Array): void {
    const frame = decodeAnswerFrame(bytes);
    const pending = this.#frames.get(frame.requestId);
    if (frame.kind === 'error') pending?.reject(new RpcError(frame.error));
    else if (frame.kind !== 'refused') pending?.resolve(frame);
    else this.#giveUp(`the node sent a binary message that is no frame: ${frame.message}`);
  }

  #notified(params: unknown): void {
    if (typeof params !== 'object' || params === null || !('subscription' in params)) return;
    const subscription = String(params.subscription);
    const events = this.#subscriptions.get(subscription);
    if (events === undefined) {
      if (this.#early.length < EARLY_MAX) this.#early.push({ subscription, params });
      return;
    }
    if ('error' in params) {
      this.#subscriptions.delete(subscription);
      events.end(new RpcError(readErrorObject(params.error)));
      return;
    }
    if (!('result' in params)) {
      this.#subscriptions.delete(subscription);
      events.end(undefined);
      return;
    }
    try {
      events.value(params.result);
    } catch (error) {
      this.#giveUp(error instanceof RpcError ? error.message : 'a notification cannot be read');
    }
  }

  /** A peer that does not keep to the protocol: nothing it says can be matched to a call any more. */
  #giveUp(why: string): void {
    const error = clientError('client/bad-answer', why);
    for (const calls of [this.#calls, this.#frames]) {
      for (const pending of [...calls.values()]) pending.reject(error);
    }
    this.#socket.close(1000);
  }
}
