/** Wires the listeners, starts them and stops them in order. */
import type { AddressInfo } from 'node:net';
import { type MethodListener, methodNames } from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';
import { openChainSource } from './chain-parts.ts';
import { Dispatcher } from './dispatch.ts';
import { rpcError } from './errors.ts';
import { Guard } from './guard.ts';
import { createHttp, type HttpApp } from './http.ts';
import { defaultLimits } from './limits.ts';
import { methodTable } from './methods.ts';
import { RpcMetrics } from './metrics.ts';
import { PACKED, PACKED_TRANSACTIONS } from './packed.ts';
import { RateLimiter } from './rate.ts';
import { Reception } from './reception.ts';
import type {
  Readiness,
  RpcAddress,
  RpcDependencies,
  RpcLimits,
  RpcOptions,
  RpcServer,
} from './types.ts';
import { WebSockets } from './websocket.ts';

const LOOPBACK = '127.0.0.1';
const TOKEN_CHARACTERS_MIN = 32;

/** Everything a running server is made of. */
interface Parts {
  readonly dispatcher: Dispatcher;
  readonly app: HttpApp;
  readonly webSockets: WebSockets;
  readonly admin: { readonly dispatcher: Dispatcher; readonly app: HttpApp } | undefined;
  readonly metrics: RpcMetrics;
  stopping: boolean;
}

/**
 * Starts the public listener and, with an `adminPort`, the admin one.
 *
 * Rejects with `rpc/listen` when an address is taken or not permitted; nothing is left open then.
 */
export async function startRpcServer(
  dependencies: RpcDependencies,
  options: RpcOptions,
): Promise<RpcServer> {
  const host = options.host ?? LOOPBACK;
  const parts = build(dependencies, options, host);
  try {
    const address = await listen(parts.app, host, options.port ?? 0);
    const adminAddress =
      parts.admin && (await listen(parts.admin.app, LOOPBACK, options.adminPort ?? 0));
    dependencies.logger.info({ address, adminAddress }, 'rpc listening');
    let stopped: Promise<void> | undefined;
    return {
      address,
      adminAddress,
      stop: (signal = new AbortController().signal) => {
        stopped ??= stop(parts, signal);
        return stopped;
      },
    };
  } catch (error) {
    await stop(parts, AbortSignal.abort());
    throw error;
  }
}

function build(dependencies: RpcDependencies, options: RpcOptions, host: string): Parts {
  const limits: RpcLimits = { ...defaultLimits, ...options.limits };
  const { logger, notary } = dependencies;
  const { source: chain, submissions } = openChainSource(dependencies, limits, options);
  const metrics = new RpcMetrics(dependencies.metrics, [
    ...methodNames,
    PACKED,
    PACKED_TRANSACTIONS,
  ]);
  if (submissions !== undefined) metrics.watch(dependencies.metrics, submissions);
  const rate =
    limits.requestsPerSecond > 0
      ? new RateLimiter(limits.requestsPerSecond, () => performance.now())
      : undefined;
  const dispatcherOf = (listeners: readonly MethodListener[]) =>
    new Dispatcher(
      {
        methods: methodTable(dependencies, { limits, chain }, listeners),
        observer: metrics,
        logger,
      },
      limits,
    );
  const dispatcher = dispatcherOf(['public', 'websocket']);
  const guard = new Guard(host, options.allowedHosts ?? [], options.allowedOrigins ?? []);
  const readiness = (): Readiness =>
    parts.stopping ? { ready: false, reasons: ['the node is stopping'] } : dependencies.readiness();
  const reception = new Reception(limits, (why) => {
    metrics.connectionsCut.inc();
    logger.warn({ why }, 'rpc client cut');
  });
  const shared = { metrics, registry: dependencies.metrics, limits, rate, reception, readiness };
  const app = createHttp({ ...shared, dispatcher, guard });
  const server = app.server;
  const webSockets = new WebSockets({
    server,
    guard,
    rate,
    reception,
    notary,
    chain,
    dispatcher,
    metrics,
    logger,
    limits,
  });
  const buildAdmin = () => {
    const own = dispatcherOf(['admin']);
    const token = tokenOf(options);
    return {
      dispatcher: own,
      // No page of any origin has business with the admin listener.
      app: createHttp({ ...shared, dispatcher: own, guard: new Guard(LOOPBACK, [], []), token }),
    };
  };
  const admin = options.adminPort === undefined ? undefined : buildAdmin();
  const parts: Parts = { dispatcher, app, webSockets, admin, metrics, stopping: false };
  return parts;
}

function tokenOf({ adminToken }: RpcOptions): string {
  if (adminToken !== undefined && adminToken.length >= TOKEN_CHARACTERS_MIN) return adminToken;
  throw rpcError(
    'rpc/unauthorized',
    `the admin listener needs a token of at least ${TOKEN_CHARACTERS_MIN} characters`,
  );
}

async function listen(app: HttpApp, host: string, port: number): Promise<RpcAddress> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw new PyralogError(
      'rpc/listen',
      `cannot listen on ${host} port ${port}: choose another port, or stop what uses it`,
      { cause, data: { host, port } },
    );
  }
  const bound = app.server.address() as AddressInfo;
  return { host: bound.address, port: bound.port };
}

/** In order: no new calls, answers to those in flight, 1001 to WebSockets, then the listeners. */
async function stop(parts: Parts, signal: AbortSignal): Promise<void> {
  const { dispatcher, app, webSockets, admin, metrics } = parts;
  parts.stopping = true;
  const cut = Promise.withResolvers<void>();
  const onAbort = () => {
    app.server.closeAllConnections();
    admin?.app.server.closeAllConnections();
    cut.resolve();
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const drained = Promise.all([dispatcher.drain(), admin?.dispatcher.drain()]);
  await Promise.race([drained, cut.promise]);
  await webSockets.close(signal);
  await Promise.all([app.close(), admin?.app.close()]);
  signal.removeEventListener('abort', onAbort);
  metrics.close();
}
