/**
 * What waits to be sent on one WebSocket (rpc.md R4). Writes of one turn of the event loop leave in one system call; a
 * client that does not read is first not read from, then cut.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { RpcLimits } from './types.ts';

interface OutboxEvents {
  /** Too much waits: take nothing more in. */
  stalled(): void;
  /** There is room again. */
  drained(): void;
  /** The client has not read for too long, or far too much waits for it. */
  cut(why: string): void;
}

export class Outbox {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #limits: RpcLimits;
  readonly #events: OutboxEvents;
  #corked = false;
  #stall: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(ws: WebSocket, socket: Duplex, limits: RpcLimits, events: OutboxEvents) {
    this.#ws = ws;
    this.#socket = socket;
    this.#limits = limits;
    this.#events = events;
    socket.on('drain', () => this.#relieve());
  }

  send(message: string | Uint8Array): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#cork();
    this.#ws.send(message);
    const waiting = this.#ws.bufferedAmount;
    if (waiting > this.#limits.sendBufferBytesMax) this.#events.cut('too much waits for it');
    else if (waiting > this.#limits.sendBufferBytesHigh && this.#stall === undefined) {
      this.#stall = setTimeout(() => this.#events.cut('it does not read'), this.#limits.stallMsMax);
      this.#events.stalled();
    }
  }

  /** Whether too much waits for more to be taken in. */
  get stalled(): boolean {
    return this.#stall !== undefined;
  }

  /** Resolves when nothing holds the sender back, or the connection is gone. */
  ready(): Promise<void> {
    if (this.#stall === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The connection is gone. */
  close(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    // Runs after the promises of this turn, so that answers of one group commit leave together.
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #relieve(): void {
    if (this.#stall === undefined) return;
    if (this.#ws.bufferedAmount > this.#limits.sendBufferBytesHigh) return;
    this.close();
    this.#events.drained();
  }
}
