import type { MessagePort } from 'node:worker_threads';
import type { LogLevel, RpcAddress } from '../rpc/index.ts';
import type { ConfigSources } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { PreparedNode } from './prepared.ts';

/** Main thread to RPC thread. */
export type ToRpcThread =
  | { readonly kind: 'prepare'; readonly from: Config | ConfigSources }
  | {
      readonly kind: 'start';
      readonly coreHandle: number;
      readonly objectsHandle: number;
      readonly schemasHandle: number;
      readonly shared: SharedArrayBuffer;
      /** To the chain in the main thread (bridge.ts); absent on a node without one. */
      readonly chain?: MessagePort;
    }
  /** Answer what was taken, for at most so long, then say `stopped`. A second one with 0 cuts it short. */
  | { readonly kind: 'stop'; readonly drainMsMax: number };

/** RPC thread to main thread. */
export type FromRpcThread =
  | { readonly kind: 'prepared'; readonly prepared: PreparedNode }
  | {
      readonly kind: 'listening';
      readonly address: RpcAddress;
      readonly adminAddress: RpcAddress | undefined;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'shutdown-asked' }
  | { readonly kind: 'log-level'; readonly level: LogLevel }
  | { readonly kind: 'stopped' };
