import type { PartitionOptions } from '../native/index.ts';
import type { LogLevel, NodeInfo, RpcAddress, RpcOptions } from '../rpc/index.ts';

/** Main thread to RPC thread. */
export type ToRpcThread =
  | {
      readonly kind: 'start';
      readonly coreHandle: number;
      readonly partitions: readonly PartitionOptions[];
      readonly checkpointMsMin: number;
      readonly info: NodeInfo;
      readonly rpc: RpcOptions;
      readonly logLevel: LogLevel;
      readonly shared: SharedArrayBuffer;
    }
  /** Answer what was taken, for at most so long, then say `stopped`. A second one with 0 cuts it short. */
  | { readonly kind: 'stop'; readonly drainMsMax: number };

/** RPC thread to main thread. */
export type FromRpcThread =
  | {
      readonly kind: 'listening';
      readonly address: RpcAddress;
      readonly adminAddress: RpcAddress | undefined;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'shutdown-asked' }
  | { readonly kind: 'log-level'; readonly level: LogLevel }
  | { readonly kind: 'stopped' };
