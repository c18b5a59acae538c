import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { PyralogError } from '../base/errors.ts';

/** Not imported: an `import` of this module loads Node's HTTP client with it, 14 MB and some 60 ms of the start. */
const { createServer } = process.getBuiltinModule('node:http');

/** An order to a running devnet, as JSON. */
export interface DevnetOrder {
  readonly op: string;
  readonly nodes: readonly string[];
  /** Milliseconds, probability, directory: by `op`. */
  readonly value?: string;
}

export interface DevnetControl {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 65_536;

/**
 * Takes orders on a port of 127.0.0.1 from whoever knows the token, which stands in `devnet.json` (0600): the processes
 * of a devnet are its parent's, so only the parent can restart them.
 */
export async function openControl(
  perform: (order: DevnetOrder) => Promise<unknown>,
): Promise<DevnetControl> {
  const token = randomBytes(32).toString('hex');
  const server = createServer((request, response) => {
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (!isAuthorized(request, token)) {
      reply(401, { error: { message: 'the token of devnet.json is missing or wrong' } });
      return;
    }
    readOrder(request)
      .then(perform)
      .then(
        (result) => reply(200, { result: result ?? null }),
        (error: unknown) => {
          const known = error instanceof PyralogError;
          const message = error instanceof Error ? error.message : String(error);
          reply(known ? 400 : 500, {
            error: { code: known ? error.code : 'devnet/bug', message },
          });
        },
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, token, close: () => closed(server) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readOrder(request: IncomingMessage): Promise<DevnetOrder> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += String(part);
    if (text.length > BODY_BYTES_MAX) throw badOrder('an order has at most 64 KiB');
  }
  const { op, nodes, value } = parse(text);
  if (typeof op !== 'string' || !Array.isArray(nodes) || nodes.some((n) => typeof n !== 'string')) {
    throw badOrder('an order has an op and a list of nodes');
  }
  return { op, nodes, ...(typeof value === 'string' ? { value } : {}) };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    throw badOrder('an order is a JSON object');
  }
}

function badOrder(message: string): PyralogError {
  return new PyralogError('devnet/bad-order', message);
}
