/**
 * A connection's subscriptions. A client that reads slowly gets fewer checkpoints, never a longer queue: the next one is
 * taken from the notary only when what was sent before has left.
 */
import type { Logger } from '../base/log.ts';
import type { Notary } from '../notary/index.ts';
import type { Subscriber } from './dispatch.ts';
import { errorObjectOf, internalError, rpcError } from './errors.ts';

interface SubscriptionDependencies {
  readonly notary: Notary;
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
  subscribe(origin: string): string {
    if (this.#open.size >= this.#max) {
      const message = `this connection has ${this.#max} subscriptions: end one first`;
      throw rpcError('rpc/too-many-subscriptions', message);
    }
    this.#last++;
    const id = this.#last.toString();
    const controller = new AbortController();
    this.#open.set(id, controller);
    this.#unstarted.push(() => void this.#run(id, origin, controller.signal));
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

  /** Ends with a last notification that carries the error when the notary fails. Never rejects. */
  async #run(subscription: string, origin: string, signal: AbortSignal): Promise<void> {
    const { notary, notify, logger } = this.#dependencies;
    try {
      for await (const { size, note } of notary.checkpoints(origin, signal)) {
        if (signal.aborted) return;
        await notify(notice({ subscription, result: { size: size.toString(), note } }));
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = errorObjectOf(thrown);
      if (error === undefined) logger.error({ err: thrown, origin }, 'rpc subscription failed');
      await notify(notice({ subscription, error: error ?? internalError }));
    } finally {
      this.#open.delete(subscription);
    }
  }
}

function notice(params: Record<string, unknown>): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notary_subscription', params });
}
