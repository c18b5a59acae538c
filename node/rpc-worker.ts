import { once } from 'node:events';
import { type MessagePort, Worker } from 'node:worker_threads';
import { PyralogError } from '../base/errors.ts';
import type { RpcAddress } from '../rpc/index.ts';
import type { ConfigSources } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { nodeError } from './errors.ts';
import type { PreparedNode } from './prepared.ts';
import type { FromRpcThread, ToRpcThread } from './rpc-messages.ts';

/** Far above what requests need at rest; a runaway ends the thread, not the machine. */
const HEAP_MIB_MAX = 512;
/**
 * Thrice a semi-space. With 1 MiB of semi-space, answers on their way outlive so many collections that collecting is
 * half of the work under load; with 4 it is a tenth less than with 2, but starting up leaves 5 MB more behind.
 */
const YOUNG_MIB_MAX = 6;

/** From the end of the drain to the end of the thread. */
const END_MS_MAX = 5_000;

export interface RpcWorkerEvents {
  onShutdownAsked(): void;
  onLogLevel(level: 'debug' | 'info' | 'warn' | 'error'): void;
  /** The thread ended though nobody asked it to. */
  onCrash(error: Error): void;
}

/** The RPC thread as the main thread holds it. */
export class RpcWorker {
  readonly #worker: Worker;
  readonly #listening = Promise.withResolvers<{
    address: RpcAddress;
    adminAddress: RpcAddress | undefined;
  }>();
  readonly #prepared = Promise.withResolvers<PreparedNode>();
  #stopping = false;
  #exited = false;
  #events: RpcWorkerEvents | undefined;
  #crash: Error | undefined;

  /** Starts the thread at once: its modules load while the caller opens the core. */
  constructor() {
    this.#worker = new Worker(new URL('./rpc-thread.mjs', import.meta.url), {
      name: 'rpc',
      resourceLimits: {
        maxOldGenerationSizeMb: HEAP_MIB_MAX,
        maxYoungGenerationSizeMb: YOUNG_MIB_MAX,
      },
    });
    this.#prepared.promise.catch(() => {});
    this.#listening.promise.catch(() => {}); // whoever listens gets it; a crash before that is told by onCrash
    this.#worker.on('message', (message: FromRpcThread) => this.#hear(message));
    this.#worker.on('error', (error) =>
      this.#crashed(error instanceof Error ? error : new Error(String(error))),
    );
    this.#worker.on('exit', (code) => {
      this.#exited = true;
      if (!this.#stopping) this.#crashed(new Error(`the RPC thread exited with code ${code}`));
    });
  }

  /** Has the thread read configuration, data directory and keys. Rejects with their codes. */
  prepare(from: Config | ConfigSources): Promise<PreparedNode> {
    this.#tell({ kind: 'prepare', from });
    return this.#prepared.promise;
  }

  /** Rejects with the code the thread failed with, such as `rpc/listen`. */
  listen(order: Omit<ToRpcThread & { kind: 'start' }, 'kind'>, events: RpcWorkerEvents) {
    this.#events = events;
    if (this.#crash !== undefined) events.onCrash(this.#crash);
    this.#tell({ kind: 'start', ...order }, order.chain === undefined ? [] : [order.chain]);
    return this.#listening.promise;
  }

  /** Answers what was taken, for at most so long, then ends the thread. Once it has ended, does nothing. */
  async stop(drainMsMax: number): Promise<void> {
    this.#stopping = true;
    if (this.#exited || this.#crash !== undefined) return;
    const exited = once(this.#worker, 'exit');
    this.#tell({ kind: 'stop', drainMsMax });
    // A thread that does not end must not keep the node from ending: what was acknowledged is durable by now.
    const late = setTimeout(() => void this.#worker.terminate(), drainMsMax + END_MS_MAX);
    await exited;
    clearTimeout(late);
  }

  /** Cuts a `stop` short. */
  cut(): void {
    this.#tell({ kind: 'stop', drainMsMax: 0 });
  }

  #tell(message: ToRpcThread, moved: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, moved);
  }

  #hear(message: FromRpcThread): void {
    if (message.kind === 'prepared') this.#prepared.resolve(message.prepared);
    if (message.kind === 'listening') this.#listening.resolve(message);
    if (message.kind === 'failed') {
      const error = new PyralogError(message.code, message.message);
      this.#prepared.reject(error);
      this.#listening.reject(error);
    }
    if (message.kind === 'shutdown-asked') this.#events?.onShutdownAsked();
    if (message.kind === 'log-level') this.#events?.onLogLevel(message.level);
  }

  #crashed(cause: Error): void {
    if (this.#crash !== undefined) return;
    this.#crash = nodeError('node/worker-stopped', `the RPC thread stopped: ${cause.message}`, {
      cause,
    });
    this.#prepared.reject(this.#crash);
    this.#listening.reject(this.#crash);
    this.#events?.onCrash(this.#crash);
  }
}
