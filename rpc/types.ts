/** What the RPC server is given, and what it gives back. Wire rules: docs/spec/rpc.md. */

import type { Registry } from 'prom-client';
import type { Logger } from '../base/log.ts';
import type { Notary } from '../notary/index.ts';
import type { TrustRoot } from '../receipt/index.ts';
import type { ChainAccess, NetworkActions, NodeStatus } from './chain-access.ts';
import type { ClusterAccess, ClusterReads } from './cluster-access.ts';
import type { NodePolicy } from './node-policy.ts';
import type { StoreAccess } from './store-access.ts';
import type { SubmissionLimits } from './submissions.ts';

/** What the node says about itself in `notary_info`. */
export interface NodeInfo {
  readonly networkId: string;
  readonly version: string;
  /** Under these `notary_verify` checks; a client that trusts them because the node said so trusts nothing. */
  readonly policies: readonly NodePolicy[];
  /** Of the chain this node is on: checks final receipts in the same way. */
  readonly chain?: TrustRoot;
}

/** Whether the node takes work; `reasons` names what is missing and goes to `/readyz`. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** What the admin methods do; without it they answer "unknown method". */
export interface AdminActions {
  /** Flat counters and flags of the core; bigints become decimal strings. */
  stats(): Readonly<Record<string, number | bigint | boolean | string>>;
  /** Asks the node to drain and stop; must return at once, the answer still goes out. */
  shutdown(): void;
  setLogLevel(level: LogLevel): void;
  /** For `node_status`, which is an unknown method without it. */
  readonly status?: () => Promise<NodeStatus>;
  /** For `schema_*` and `record_*`, which are unknown methods without it. */
  readonly store?: StoreAccess;
  /** Absent on a node without a network: its `net_*` methods answer `chain/no-chain`. */
  readonly network?: NetworkActions;
  /** Absent on a lone node: its `cluster_*` methods answer `node/no-cluster`. */
  readonly cluster?: ClusterAccess;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface RpcDependencies {
  readonly notary: Notary;
  /** Absent on a node without a chain: every method about it answers `chain/no-chain`. */
  readonly chain?: ChainAccess;
  /** Absent on a lone node, whose own log is as new as can be. */
  readonly cluster?: ClusterReads;
  info(): NodeInfo;
  /** Asked on every `/readyz`; must be cheap. */
  readiness(): Readiness;
  readonly logger: Logger;
  /** The server adds its metrics here and renders all of it at `/metrics`. */
  readonly metrics: Registry;
  readonly admin?: AdminActions;
}

/** Bounds of rpc.md R4; every one has a default in `limits.ts`. */
export interface RpcLimits {
  readonly bodyBytesMax: number;
  readonly batchCallsMax: number;
  readonly answerBytesMax: number;
  readonly subscriptionsMax: number;
  readonly callsInFlightMax: number;
  readonly connectionsMax: number;
  /** Calls a second from one address (IPv6: one /64); 0 = no limit. Loopback is exempt unless `limitLoopback`. */
  readonly requestsPerSecond: number;
  readonly limitLoopback: boolean;
  /** A call without `timeoutMs` is given up after this long. */
  readonly callMsDefault: number;
  /** Bytes of messages that are not whole yet, over all connections; the largest are cut beyond it. */
  readonly receiveBytesMax: number;
  /** Longest that one message may take to arrive. */
  readonly messageMsMax: number;
  /** A WebSocket client that has not read for this long is cut. */
  readonly stallMsMax: number;
  /** Bytes waiting for a WebSocket client beyond which nothing more is read from it. */
  readonly sendBufferBytesHigh: number;
  /** Bytes waiting for a WebSocket client beyond which it is cut at once. */
  readonly sendBufferBytesMax: number;
}

export interface RpcOptions {
  /** Listen address; default `127.0.0.1`. */
  readonly host?: string;
  /** 0 lets the system choose; default 0. */
  readonly port?: number;
  /** Port of the admin listener, always on 127.0.0.1; absent = no admin listener. */
  readonly adminPort?: number;
  /** Needed when there is an admin listener; at least 32 characters. */
  readonly adminToken?: string;
  /** Names beside the loopback names and the listen address that `Host` may carry (R5); no ports. */
  readonly allowedHosts?: readonly string[];
  /** Origins that browsers may call from (R5), such as `https://app.example`. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<RpcLimits>;
  /** How many transactions may wait for the chain (R10). */
  readonly submissions?: Partial<SubmissionLimits>;
}

export interface RpcAddress {
  readonly host: string;
  readonly port: number;
}

export interface RpcServer {
  readonly address: RpcAddress;
  readonly adminAddress: RpcAddress | undefined;
  /**
   * Takes no new calls, answers those in flight, closes WebSockets with 1001, then the listeners. When `signal`
   * fires, what is still open is cut. Idempotent.
   */
  stop(signal?: AbortSignal): Promise<void>;
}
