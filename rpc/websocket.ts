/** The WebSocket side of the public listener: upgrades, the open connections, and their orderly end. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Connection, type ConnectionDependencies } from './connection.ts';
import type { Guard } from './guard.ts';
import type { RateLimiter } from './rate.ts';
import type { Reception } from './reception.ts';
import { Slots } from './slots.ts';

/** Not imported: an `import` of this module reads all of its exports, and one of those loads Node's HTTP client, 14 MB. */
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/** How often idle clients are pinged; one that misses a ping is cut at the next. */
const PING_MS = 30_000;

interface WebSocketDependencies extends ConnectionDependencies {
  readonly server: Server;
  readonly guard: Guard;
  readonly rate: RateLimiter | undefined;
  readonly reception: Reception;
}

export class WebSockets {
  readonly #dependencies: WebSocketDependencies;
  readonly #acceptor: WebSocketServer;
  readonly #open = new Set<Connection>();
  readonly #pings: NodeJS.Timeout;
  #closing = false;

  constructor(dependencies: WebSocketDependencies) {
    this.#dependencies = dependencies;
    this.#acceptor = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: dependencies.limits.bodyBytesMax,
    });
    dependencies.server.on('upgrade', (request, socket, head) =>
      this.#upgrade(request, socket, head),
    );
    this.#pings = setInterval(() => {
      for (const connection of this.#open) connection.checkAlive();
    }, PING_MS);
    this.#pings.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Closes every connection with 1001; those still open when `signal` fires are cut. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    clearInterval(this.#pings);
    const open = [...this.#open];
    const cut = () => {
      for (const connection of open) connection.terminate();
    };
    for (const connection of open) connection.goAway();
    if (signal.aborted) cut();
    signal.addEventListener('abort', cut, { once: true });
    await Promise.all(open.map((connection) => connection.closed));
    signal.removeEventListener('abort', cut);
  }

  #fault({ url, headers }: IncomingMessage): { status: number; message: string } | undefined {
    if (this.#closing) return { status: 503, message: 'the node is stopping' };
    if (url?.split('?')[0] !== '/') return { status: 404, message: 'WebSockets are served at /' };
    const { host, origin } = headers;
    const message = this.#dependencies.guard.fault({ host, origin });
    return message === undefined ? undefined : { status: 403, message };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { limits, rate, reception, metrics, logger } = this.#dependencies;
    const onError = (error: Error) => logger.debug({ err: error }, 'rpc upgrade failed');
    socket.on('error', onError);
    const refused = this.#fault(request);
    if (refused !== undefined) {
      refuse(socket, refused.status, refused.message);
      return;
    }
    this.#acceptor.handleUpgrade(request, socket, head, (ws) => {
      socket.off('error', onError);
      const slots = new Slots(limits, rate, request.socket.remoteAddress ?? '');
      ws.on('message', () => reception.completed(request.socket));
      const connection = new Connection(this.#dependencies, { ws, socket, slots });
      metrics.connectionsOpened.inc();
      this.#open.add(connection);
      void connection.closed.then(() => {
        metrics.connectionsClosed.inc();
        this.#open.delete(connection);
      });
    });
  }
}

/** Answers an upgrade in plain HTTP and ends the socket. */
function refuse(socket: Duplex, status: number, message: string): void {
  const body = `${message}\n`;
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
