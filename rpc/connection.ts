/** One WebSocket: texts to the dispatcher, binary messages to the packed service, answers to the outbox. */
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { assert } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Notary } from '../notary/index.ts';
import type { ChainSource } from './chain-parts.ts';
import type { Answer, Caller, Dispatcher } from './dispatch.ts';
import type { RpcMetrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import { servePacked } from './packed.ts';
import type { Slots } from './slots.ts';
import { Subscriptions } from './subscriptions.ts';
import type { RpcLimits } from './types.ts';

/** RFC 6455 §7.4.1: the endpoint is going away. */
const GOING_AWAY = 1001;

export interface ConnectionDependencies {
  readonly notary: Notary;
  readonly chain: ChainSource;
  readonly dispatcher: Dispatcher;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
  readonly limits: RpcLimits;
}

export class Connection {
  readonly #ws: WebSocket;
  readonly #dependencies: ConnectionDependencies;
  readonly #outbox: Outbox;
  readonly #subscriptions: Subscriptions;
  readonly #gone = new AbortController();
  readonly #caller: Caller;
  readonly closed: Promise<void>;
  /** Messages that were on their way in when the outbox stalled: less than one read of the socket. */
  readonly #held: { data: Buffer; isBinary: boolean }[] = [];
  /** Whether a pong, or anything else, came since the last ping. */
  #alive = true;

  constructor(
    dependencies: ConnectionDependencies,
    { ws, socket, slots }: { ws: WebSocket; socket: Duplex; slots: Slots },
  ) {
    const { limits, logger } = dependencies;
    this.#ws = ws;
    this.#dependencies = dependencies;
    this.#outbox = new Outbox(ws, socket, limits, {
      stalled: () => ws.pause(),
      drained: () => this.#goOn(),
      cut: (why) => this.#cut(why),
    });
    const notify = (text: string) => this.#notify(text);
    this.#subscriptions = new Subscriptions({ logger, notify }, limits.subscriptionsMax);
    this.#caller = {
      signal: this.#gone.signal,
      subscriber: this.#subscriptions,
      admit: () => slots.admit(),
      release: () => slots.release(),
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    ws.on('pong', () => {
      this.#alive = true;
    });
    ws.on('error', (error) => logger.debug({ err: error }, 'rpc websocket failed'));
    ws.on('close', () => {
      this.#release();
      resolve();
    });
  }

  /** Pings a client that was heard of since the last time, cuts one that was not. */
  checkAlive(): void {
    if (this.#alive) {
      this.#alive = false;
      this.#ws.ping();
    } else {
      this.#ws.terminate();
    }
  }

  /** Ends it with 1001 once what was sent has left; {@link terminate} when the client does not take part. */
  goAway(): void {
    this.#subscriptions.close();
    this.#ws.close(GOING_AWAY, 'the node is stopping');
  }

  terminate(): void {
    this.#ws.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#alive = true;
    assert(Buffer.isBuffer(data), 'a message is one Buffer: the binary type is nodebuffer');
    this.#dependencies.metrics.received(data.length);
    if (this.#outbox.stalled) this.#held.push({ data, isBinary });
    else this.#serve(data, isBinary);
  }

  /** Takes up what was held back; reads on when all of it is served. */
  #goOn(): void {
    while (!this.#outbox.stalled) {
      const held = this.#held.shift();
      if (held === undefined) {
        this.#ws.resume();
        return;
      }
      this.#serve(held.data, held.isBinary);
    }
  }

  #serve(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      void this.#receivePacked(data);
      return;
    }
    const answer = this.#dependencies.dispatcher.dispatch(data, this.#caller);
    if (answer instanceof Promise) void answer.then((text) => this.#answer(text));
    else this.#answer(answer);
  }

  async #receivePacked(bytes: Uint8Array): Promise<void> {
    const { notary, chain, dispatcher, metrics, logger, limits } = this.#dependencies;
    const frame = await servePacked(bytes, this.#caller, {
      notary,
      chain,
      dispatcher,
      observer: metrics,
      logger,
      callMsDefault: limits.callMsDefault,
    });
    metrics.sent(frame.length);
    this.#outbox.send(frame);
  }

  #answer(text: Answer): void {
    if (text !== undefined) {
      this.#dependencies.metrics.sent(text.length);
      this.#outbox.send(text);
    }
    this.#subscriptions.start();
  }

  #notify(text: string): Promise<void> {
    this.#dependencies.metrics.sent(text.length);
    this.#outbox.send(text);
    return this.#outbox.ready();
  }

  #cut(why: string): void {
    const { metrics, logger } = this.#dependencies;
    metrics.connectionsCut.inc();
    logger.warn({ why, waitingBytes: this.#ws.bufferedAmount }, 'rpc websocket client cut');
    this.#ws.terminate();
  }

  #release(): void {
    this.#subscriptions.close();
    this.#held.length = 0;
    this.#outbox.close();
    this.#gone.abort();
  }
}
