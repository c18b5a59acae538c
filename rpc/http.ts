/**
 * The HTTP side of a listener: `POST /` for JSON-RPC, `/livez`, `/readyz` and `/metrics` for its keepers (rpc.md R5, R6).
 * Refusals are JSON-RPC error objects too, under the HTTP status that fits, so that a client has one thing to read.
 */
import type { Server } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Dispatcher } from './dispatch.ts';
import { refusal } from './dispatch.ts';
import type { RpcErrorCode } from './errors.ts';
import { bearsToken, type Guard } from './guard.ts';
import type { RpcMetrics } from './metrics.ts';
import type { RateLimiter } from './rate.ts';
import type { Reception } from './reception.ts';
import { Slots } from './slots.ts';
import type { Readiness, RpcLimits } from './types.ts';

interface HttpDependencies {
  readonly dispatcher: Dispatcher;
  readonly guard: Guard;
  readonly metrics: RpcMetrics;
  readonly registry: Registry;
  readonly limits: RpcLimits;
  readonly rate: RateLimiter | undefined;
  readonly reception: Reception;
  readiness(): Readiness;
  /** Calls need this bearer token (R7); undefined = no token. */
  readonly token?: string;
}

/** A request whose headers take longer than this is dropped: slow headers are how connections are held for nothing. */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 60_000;
const KEEP_ALIVE_MS = 72_000;

const MEDIA_TYPE = 'send a body with content-type: application/json';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Paths of probes, which come with whatever `Host` the prober thinks fit and change nothing. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz']);

export type HttpApp = FastifyInstance<Server>;

export function createHttp(dependencies: HttpDependencies): HttpApp {
  const { limits } = dependencies;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_MS_MAX, connectionsCheckingInterval: 5_000 },
    exposeHeadRoutes: false,
  });
  app.server.maxConnections = limits.connectionsMax;
  dependencies.reception.watch(app.server);
  app.addHook('onResponse', (request, _reply, done) => {
    dependencies.reception.completed(request.raw.socket);
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  app.addHook('onRequest', (request, reply, done) => {
    if (admitRequest(request, reply, dependencies)) done();
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((_request, reply) => {
    refuse(reply, 404, 'rpc/invalid-request', 'JSON-RPC is POST /; see the documentation');
  });
  addCall(app, dependencies);
  addProbes(app, dependencies);
  return app;
}

/** Host, Origin and CORS, before any body is read. False when the request was answered. */
function admitRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { guard }: HttpDependencies,
): boolean {
  if (PROBES.has(request.url)) return true;
  const { host, origin } = request.headers;
  const fault = guard.fault({ host, origin });
  if (fault !== undefined) {
    refuse(reply, 403, 'rpc/forbidden', fault);
    return false;
  }
  if (origin === undefined || !guard.allowsOrigin(origin)) return true;
  reply.header('access-control-allow-origin', origin).header('vary', 'origin');
  if (request.method !== 'OPTIONS') return true;
  reply
    .header('access-control-allow-methods', 'POST')
    .header('access-control-allow-headers', 'content-type, authorization')
    .header('access-control-max-age', '600')
    .code(204)
    .send();
  return false;
}

function addCall(app: HttpApp, dependencies: HttpDependencies): void {
  const { dispatcher, metrics, limits, rate, reception, token } = dependencies;
  app.post('/', async (request, reply) => {
    reception.completed(request.raw.socket);
    if (token !== undefined && !bearsToken(request.headers.authorization, token)) {
      reply.header('www-authenticate', 'Bearer');
      return refuse(reply, 401, 'rpc/unauthorized', 'the admin token is missing or wrong');
    }
    const { body } = request;
    if (!Buffer.isBuffer(body)) {
      return refuse(reply, 415, 'rpc/unsupported-media-type', MEDIA_TYPE);
    }
    metrics.received(body.length);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const slots = new Slots(limits, rate, request.ip);
    const answer = await dispatcher.dispatch(body, {
      signal: gone.signal,
      admit: () => slots.admit(),
      release: () => slots.release(),
    });
    if (answer === undefined) return reply.code(204).send();
    metrics.sent(answer.length);
    return reply.header('content-type', JSON_TYPE).send(answer);
  });
}

function addProbes(app: HttpApp, { readiness, registry }: HttpDependencies): void {
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const { ready, reasons } = readiness();
    const text = ready ? 'ok\n' : `${reasons.join('\n')}\n`;
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(text);
  });
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  );
}

function refuse(
  reply: FastifyReply,
  status: number,
  code: RpcErrorCode,
  message: string,
): FastifyReply {
  return reply
    .code(status)
    .header('content-type', JSON_TYPE)
    .send(refusal(null, code, message));
}

/** What fastify itself refuses, in our words. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      // Who is cut off while sending never reads why. What still comes is thrown away, within the bounds of all messages.
      reply.removeHeader('connection');
      request.raw.resume();
      return refuse(reply, 413, 'rpc/body-too-large', 'the body is too long: send less at once');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return refuse(
        reply,
        415,
        'rpc/unsupported-media-type',
        'send content-type: application/json',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return refuse(reply, 400, 'rpc/parse-error', 'the body is empty or shorter than announced');
    default:
      return refuse(reply, 500, 'rpc/internal', 'the node failed to answer');
  }
}
