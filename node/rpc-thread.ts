/**
 * Entry of the RPC thread: HTTP, WebSocket, JSON and the notary's batching, away from the event loop that will run
 * consensus. It loads its modules while the main thread opens the core, then waits for `start`.
 */
import { parentPort } from 'node:worker_threads';
import { assert, PyralogError } from '../base/errors.ts';
import { composeService, loadServiceModules, recordOptions, type Service } from './compose.ts';
import type { ConfigSources } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { PreparedNode } from './prepared.ts';
import type { FromRpcThread, ToRpcThread } from './rpc-messages.ts';
import { SETTLE_MS, settleHeap } from './settle.ts';

assert(parentPort !== null, 'the RPC thread is a worker');
const port = parentPort;
const say = (message: FromRpcThread) => port.postMessage(message);
let prepared: PreparedNode | undefined;
let modules: ReturnType<typeof loadServiceModules> | undefined;
const cut = new AbortController();
let service: Promise<Service | undefined> | undefined;
let stopping = false;

port.on('message', (message: ToRpcThread) => {
  if (message.kind === 'prepare') void prepare(message.from);
  else if (message.kind === 'start') service = start(message);
  else stop(message.drainMsMax);
});

async function prepare(from: Config | ConfigSources): Promise<void> {
  await orFail(async () => {
    const { prepareNode } = await import('./prepare.ts');
    prepared = await prepareNode(from);
    say({ kind: 'prepared', prepared });
    modules = loadServiceModules();
  });
}

function start(order: ToRpcThread & { kind: 'start' }): Promise<Service | undefined> {
  return orFail(async () => {
    assert(prepared !== undefined && modules !== undefined, 'the RPC thread prepares, then starts');
    const { createLogger } = await import('./log.ts');
    const { markStoreOpened } = await import('./data-dir.ts');
    const { config, core, info, rpc } = prepared;
    // Before the first submission can come: a store with records in it has its mark.
    markStoreOpened(config.dataDir);
    const logger = createLogger(config.logLevel, 'rpc');
    const running = await composeService(await modules, {
      ...order,
      chain: prepared.chain,
      chainPort: order.chain,
      cluster: config.network.cluster,
      name: config.network.node,
      partitions: core.partitions,
      members: prepared.members,
      clusterFile: prepared.clusterFile,
      acks: config.cluster.acks,
      checkpointMsMin: core.checkpointMsMin,
      recordOptions: recordOptions(config),
      info,
      rpc,
      logger,
      admin: {
        shutdown: () => say({ kind: 'shutdown-asked' }),
        setLogLevel(level) {
          logger.setLevel(level);
          say({ kind: 'log-level', level });
        },
      },
    });
    const { address, adminAddress } = running.rpc;
    say({ kind: 'listening', address, adminAddress });
    setTimeout(settleHeap, SETTLE_MS).unref();
    return running;
  });
}

/** Expected trouble goes to the main thread as it is; a bug ends this thread. */
async function orFail<T>(task: () => Promise<T>): Promise<T | undefined> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof PyralogError)) throw error;
    say({ kind: 'failed', code: error.code, message: error.message });
    return undefined;
  }
}

function stop(drainMsMax: number): void {
  if (drainMsMax === 0) cut.abort();
  if (stopping) return;
  stopping = true;
  const signal = AbortSignal.any([cut.signal, AbortSignal.timeout(Math.max(1, drainMsMax))]);
  const done = (async () => {
    await (await service)?.stop(signal);
    say({ kind: 'stopped' });
    port.close();
  })();
  // A failure to stop is a bug: thrown where nobody catches it, it ends the thread and the node says so.
  done.catch((error: unknown) => setImmediate(() => Promise.reject(error)));
}
