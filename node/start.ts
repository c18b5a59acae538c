import { readFileSync } from 'node:fs';
import type { Core, RecoveryReport } from '../native/index.ts';
import type { NodePolicy, RpcAddress, RpcOptions } from '../rpc/index.ts';
import { composeCore, coreOptions, partitionsOf } from './compose.ts';
import type { Config } from './config/schema.ts';
import { type DataDir, openDataDir, readAdminToken } from './data-dir.ts';
import { nodeError, systemCode } from './errors.ts';
import { type NodeIdentity, readNodeIdentity } from './identity.ts';
import type { NodeLogger } from './log.ts';
import { RpcWorker } from './rpc-worker.ts';
import { createSharedFigures, publishLag } from './shared-figures.ts';
import { versionText } from './version.ts';

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
 * Starts a node: RPC thread first (it loads while configuration and core are read), then the core, then the listeners. `signal`
 * drains and stops it in reverse order: no new calls, answers out, core closed.
 *
 * @throws PyralogError of config, data directory, keys, core or listener; everything opened is closed again
 */
export async function startNode(
  configuring: Config | Promise<Config>,
  signal: AbortSignal,
): Promise<RunningNode> {
  const worker = new RpcWorker();
  try {
    const config = await configuring;
    const dataDir = openDataDir(config.dataDir);
    const identity = await readNodeIdentity(dataDir, config, () => passphraseOf(config));
    const { createLogger } = await import('./log.ts');
    const logger = createLogger(config.logLevel, 'main');
    const core = await composeCore(coreOptions(dataDir.paths.store, config, identity));
    logRecovery(logger, core.recovery);
    if (signal.aborted) {
      await core.close();
      throw nodeError('node/stopped', 'asked to stop before it was ready');
    }
    return await serve({ config, dataDir, identity, logger, core, worker, signal });
  } catch (error) {
    await worker.stop(0);
    throw error;
  }
}

interface OpenedParts {
  readonly config: Config;
  readonly dataDir: DataDir;
  readonly identity: NodeIdentity;
  readonly logger: NodeLogger;
  readonly core: Core;
  readonly worker: RpcWorker;
  readonly signal: AbortSignal;
}

async function serve(parts: OpenedParts): Promise<RunningNode> {
  const { config, dataDir, identity, logger, core, worker, signal } = parts;
  const shared = createSharedFigures();
  const end = Promise.withResolvers<Error | undefined>();
  const info = {
    networkId: dataDir.networkId,
    version: versionText(),
    policies: [identity.policy],
  };
  let listening: Awaited<ReturnType<RpcWorker['listen']>>;
  try {
    listening = await worker.listen(
      {
        coreHandle: core.handle,
        partitions: partitionsOf(config, identity.origin),
        checkpointMsMin: config.store.checkpointMsMin,
        info,
        rpc: rpcOptions(config, dataDir),
        logLevel: config.logLevel,
        shared,
      },
      {
        onShutdownAsked: () => end.resolve(undefined),
        onLogLevel: (level) => logger.setLevel(level),
        onCrash: (error) => end.resolve(error),
      },
    );
  } catch (error) {
    await core.close();
    throw error;
  }
  const { address, adminAddress } = listening;
  logger.info({ ...address, networkId: info.networkId, origin: identity.origin }, 'node ready');
  if (signal.aborted) end.resolve(undefined);
  else signal.addEventListener('abort', () => end.resolve(undefined), { once: true });
  const stopLag = publishLag(shared);
  const stopped = end.promise.then(async (reason) => {
    if (reason === undefined) logger.info({ drainMsMax: config.drainMsMax }, 'node draining');
    else logger.error({ err: reason }, 'node stopping after a failure');
    stopLag();
    await worker.stop(config.drainMsMax);
    await core.close();
    logger.info({}, 'node stopped');
    if (reason !== undefined) throw reason;
  });
  return {
    networkId: info.networkId,
    origin: identity.origin,
    address,
    adminAddress,
    policy: identity.policy,
    recovery: core.recovery,
    stopped,
  };
}

function rpcOptions(config: Config, dataDir: DataDir): RpcOptions {
  const { rpc } = config;
  const admin =
    rpc.adminPort < 0
      ? {}
      : { adminPort: rpc.adminPort, adminToken: readAdminToken(dataDir.paths) };
  return {
    host: rpc.host,
    port: rpc.port,
    ...admin,
    allowedHosts: rpc.allowedHosts,
    allowedOrigins: rpc.allowedOrigins,
    limits: { requestsPerSecond: rpc.requestsPerSecond, connectionsMax: rpc.connectionsMax },
  };
}

function logRecovery(logger: NodeLogger, recovery: RecoveryReport): void {
  const fields = { ...recovery };
  if (recovery.readOnly) logger.error(fields, 'log is damaged, opened read-only');
  else if (!recovery.clean) logger.warn(fields, 'log recovered after an unclean stop');
  else logger.info(fields, 'log opened');
}

/** From `PYRALOG_PASSPHRASE`, else from the file the configuration names (K5). */
export function passphraseOf(config: Config): string | undefined {
  const given = process.env['PYRALOG_PASSPHRASE'];
  if (given !== undefined || config.passphraseFile === '') return given;
  try {
    return readFileSync(config.passphraseFile, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw nodeError(
      'node/passphrase',
      `${config.passphraseFile}: cannot be read (${systemCode(cause)})`,
      { cause },
    );
  }
}
