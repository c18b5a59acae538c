/** A started RPC server over a fake notary, and the few ways tests talk to it. */
import { once } from 'node:events';
import { Registry } from 'prom-client';
import { WebSocket } from 'ws';
import { type Logger, silentLogger } from '../../base/log.ts';
import { type RpcDependencies, type RpcOptions, startRpcServer } from '../../rpc/index.ts';
import { FakeNotary } from './fake-notary.ts';

export const TOKEN = 'a-token-of-at-least-32-characters';
export const NETWORK = 'devnet-00112233aabbccdd';

export async function startFake(
  options: RpcOptions = {},
  overrides: Partial<RpcDependencies> = {},
) {
  const notary = new FakeNotary();
  const logged: { message: string; fields: object }[] = [];
  const keep = (fields: object, message: string) => {
    logged.push({ message, fields });
  };
  const logger: Logger = { ...silentLogger, warn: keep, error: keep };
  const server = await startRpcServer(
    {
      notary,
      info: () => ({ networkId: NETWORK, version: '0.1.0', policies: [] }),
      readiness: () => ({ ready: true, reasons: [] }),
      logger,
      metrics: new Registry(),
      ...overrides,
    },
    options,
  );
  const http = `http://127.0.0.1:${server.address.port}/`;
  return { server, notary, logged, http, ws: http.replace('http', 'ws') };
}

export function post(url: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : Buffer.from(body),
  });
}

export function request(method: string, params?: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

export interface Reply {
  id?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data: Record<string, unknown> };
  params?: { subscription: string; result?: { size: string; note: string }; error?: unknown };
}

/** A WebSocket whose messages are kept until somebody takes them. */
export async function dial(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  const kept: (string | Buffer)[] = [];
  let wake = () => {};
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    kept.push(isBinary ? data : data.toString());
    wake();
  });
  await once(socket, 'open');
  const next = async (): Promise<string | Buffer> => {
    for (;;) {
      const message = kept.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    socket,
    send: (message: string | Uint8Array) => socket.send(message),
    next,
    reply: async () => JSON.parse(String(await next())) as Reply,
    closed: () => once(socket, 'close') as Promise<[number, Buffer]>,
  };
}
