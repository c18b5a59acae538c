import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { assert } from '../base/errors.ts';
import type { Core, RecoveryReport } from '../native/index.ts';
import type { NodePolicy, RpcAddress } from '../rpc/index.ts';
import { watchCluster } from './cluster-watch.ts';
import { composeCore, composePayloads, type Payloads } from './compose.ts';
import type { ConfigSources } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { nodeError } from './errors.ts';
import type { NodeLogger } from './log.ts';
import type { NetworkPlane } from './network-types.ts';
import type { PreparedNode } from './prepared.ts';
import { RpcWorker } from './rpc-worker.ts';
import { prepareHeaps, SETTLE_MS, settleHeap } from './settle.ts';
import { createSharedFigures, publishLag } from './shared-figures.ts';
import { watchStore } from './store-failure.ts';

/** A node that answers. */
export interface RunningNode {
  readonly networkId: string;
  readonly origin: string;
  readonly address: RpcAddress;
  readonly adminAddress: RpcAddress | undefined;
  readonly policy: NodePolicy;
  readonly recovery: RecoveryReport;
  /** Resolves when the node has stopped as asked; rejects with the reason when it had to. */
  readonly stopped: Promise<void>;
}

/**
 * Starts a node: RPC thread first (it reads configuration and keys, then loads its modules while the core opens), then
 * the core, then the listeners. `signal` drains and stops it in reverse order: no new calls, answers out, core closed.
 *
 * @throws PyralogError of config, data directory, keys, core or listener; everything opened is closed again
 */
export async function startNode(
  from: Config | ConfigSources,
  signal: AbortSignal,
): Promise<RunningNode> {
  prepareHeaps();
  const worker = new RpcWorker();
  try {
    const logging = import('./log.ts');
    const prepared = await worker.prepare(from);
    const core = await composeCore(prepared.core);
    const payloads = await composePayloads(prepared.core).catch(async (error: unknown) => {
      await core.close();
      throw error;
    });
    const { createLogger } = await logging;
    const logger = createLogger(prepared.config.logLevel, 'main');
    logRecovery(logger, core.recovery);
    const damage = payloads.schemas.damage();
    if (damage !== undefined) logger.error({ damage }, 'schemas are refused');
    if (signal.aborted) {
      await payloads.close();
      await core.close();
      throw nodeError('node/stopped', 'asked to stop before it was ready');
    }
    return await serve({ prepared, logger, core, payloads, worker, signal });
  } catch (error) {
    await worker.stop(0);
    throw error;
  }
}

interface OpenedParts {
  readonly prepared: PreparedNode;
  readonly logger: NodeLogger;
  readonly core: Core;
  readonly payloads: Payloads;
  readonly worker: RpcWorker;
  readonly signal: AbortSignal;
}

async function serve({
  prepared,
  logger,
  core,
  payloads,
  worker,
  signal,
}: OpenedParts): Promise<RunningNode> {
  const { config, info, origin } = prepared;
  const shared = createSharedFigures();
  const end = Promise.withResolvers<Error | undefined>();
  const onBug = (bug: unknown) =>
    end.resolve(bug instanceof Error ? bug : new Error(`a broken invariant: ${String(bug)}`));
  const bridge = prepared.chain === undefined ? undefined : new MessageChannel();
  const plane = openPlane({ prepared, logger, core, onBug }, bridge?.port1);
  let listening: Awaited<ReturnType<RpcWorker['listen']>>;
  try {
    const both = await Promise.all([
      worker.listen(
        {
          coreHandle: core.handle,
          objectsHandle: payloads.objects.handle,
          schemasHandle: payloads.schemas.handle,
          shared,
          ...(bridge === undefined ? {} : { chain: bridge.port2 }),
        },
        {
          onShutdownAsked: () => end.resolve(undefined),
          onLogLevel: (level) => logger.setLevel(level),
          onCrash: (error) => end.resolve(error),
        },
      ),
      plane,
    ]);
    listening = both[0];
  } catch (error) {
    await worker.stop(0);
    await closePlane(plane);
    bridge?.port1.close();
    await payloads.close();
    await core.close();
    throw error;
  }
  const { address, adminAddress } = listening;
  logger.info({ ...address, networkId: info.networkId, origin }, 'node ready');
  if (signal.aborted) end.resolve(undefined);
  else signal.addEventListener('abort', () => end.resolve(undefined), { once: true });
  const stopLag = publishLag(shared);
  const stopWatching = watchStore(core, logger);
  const stopCluster = watchCluster(core, prepared, logger);
  setTimeout(settleHeap, SETTLE_MS).unref();
  const stopped = end.promise.then(async (reason) => {
    if (reason === undefined) logger.info({ drainMsMax: config.drainMsMax }, 'node draining');
    else logger.error({ err: reason }, 'node stopping after a failure');
    stopLag();
    stopWatching();
    stopCluster();
    await worker.stop(config.drainMsMax);
    await closePlane(plane);
    bridge?.port1.close();
    await payloads.close();
    await core.close();
    logger.info({}, 'node stopped');
    if (reason !== undefined) throw reason;
  });
  return {
    networkId: info.networkId,
    origin,
    address,
    adminAddress,
    policy: policyOf(info.policies),
    recovery: core.recovery,
    stopped,
  };
}

/** Peers, consensus and chain, for a node whose genesis has one; they start while the RPC thread does. */
async function openPlane(
  parts: Pick<OpenedParts, 'prepared' | 'logger' | 'core'> & { onBug: (bug: unknown) => void },
  port: MessagePort | undefined,
): Promise<NetworkPlane | undefined> {
  const { prepared, logger, core, onBug } = parts;
  if (prepared.chain === undefined || port === undefined) return undefined;
  const [{ composeNetwork }, { serveBridge }] = await Promise.all([
    import('./compose-network.ts'),
    import('./bridge.ts'),
  ]);
  const { config, chain } = prepared;
  const partitions = prepared.core.partitions;
  const plane = await composeNetwork({ config, prepared: chain, core, partitions, logger, onBug });
  serveBridge(port, plane.target, onBug);
  return plane;
}

/** One that never opened has closed itself. */
async function closePlane(plane: Promise<NetworkPlane | undefined>): Promise<void> {
  const opened = await plane.catch(() => undefined);
  await opened?.stop();
}

function policyOf([policy]: readonly NodePolicy[]): NodePolicy {
  assert(policy !== undefined, 'a node has a policy of its own');
  return policy;
}

function logRecovery(logger: NodeLogger, recovery: RecoveryReport): void {
  const fields = { ...recovery };
  if (recovery.readOnly)
    logger.error(
      fields,
      'log is damaged, opened read-only; stop the node and run `pyralog db check`',
    );
  else if (!recovery.clean) logger.warn(fields, 'log recovered after an unclean stop');
  else logger.info(fields, 'log opened');
}
