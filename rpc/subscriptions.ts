/**
 * A connection's subscriptions. A client that reads slowly gets fewer notifications, never a longer queue: the next value
 * is taken from its feed only when what was sent before has left (rpc.md R13).
 */
import type { Logger } from '../base/log.ts';
import type { Caller, Feed, Subscriber } from './dispatch.ts';
import { errorObjectOf, internalError, rpcError } from './errors.ts';

interface SubscriptionDependencies {
  readonly logger: Logger;
  /** Sends one text; resolves when the connection can take more. */
  notify(text: string): Promise<void>;
}

export class Subscriptions implements Subscriber {
  readonly #dependencies: SubscriptionDependencies;
  readonly #max: number;
  readonly #open = new Map<string, AbortController>();
  #unstarted: (() => void)[] = [];
  #last = 0;

  constructor(dependencies: SubscriptionDependencies, max: number) {
    this.#dependencies = dependencies;
    this.#max = max;
  }

  /** Its first notification waits for {@link start}: a client must know the id first. */
  subscribe(notification: string, feed: Feed): string {
    if (this.#open.size >= this.#max) {
      const message = `this connection has ${this.#max} subscriptions: end one first`;
      throw rpcError('rpc/too-many-subscriptions', message);
    }
    this.#last++;
    const id = this.#last.toString();
    const controller = new AbortController();
    this.#open.set(id, controller);
    const { signal } = controller;
    this.#unstarted.push(() => void this.#run({ id, notification, feed, signal }));
    return id;
  }

  unsubscribe(subscription: string): boolean {
    this.#open.get(subscription)?.abort();
    return this.#open.delete(subscription);
  }

  /** Called when an answer has been sent. */
  start(): void {
    if (this.#unstarted.length === 0) return;
    for (const run of this.#unstarted.splice(0)) run();
  }

  close(): void {
    for (const controller of this.#open.values()) controller.abort();
    this.#open.clear();
    this.#unstarted = [];
  }

  /** Ends with a last notification that carries the error when the feed fails. Never rejects. */
  async #run({ id, notification, feed, signal }: Running): Promise<void> {
    const { notify, logger } = this.#dependencies;
    const tell = (params: object) =>
      notify(
        JSON.stringify({
          jsonrpc: '2.0',
          method: notification,
          params: { subscription: id, ...params },
        }),
      );
    try {
      for await (const result of feed(signal)) {
        if (signal.aborted) return;
        await tell({ result });
      }
      if (!signal.aborted) await tell({ ended: true });
    } catch (thrown) {
      if (signal.aborted) return;
      const error = errorObjectOf(thrown);
      if (error === undefined) logger.error({ err: thrown, notification }, 'rpc feed failed');
      await tell({ error: error ?? internalError });
    } finally {
      this.#open.delete(id);
    }
  }
}

interface Running {
  readonly id: string;
  readonly notification: string;
  readonly feed: Feed;
  readonly signal: AbortSignal;
}

/** Where a caller's subscriptions are kept; throws `rpc/websocket-only` for one who cannot be told anything later. */
export function subscriberOf(caller: Caller): Subscriber {
  if (caller.subscriber !== undefined) return caller.subscriber;
  throw rpcError(
    'rpc/websocket-only',
    'subscriptions need a WebSocket: connect to ws:// of the same address',
  );
}
