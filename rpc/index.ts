/**
 * The node's face to the world: JSON-RPC 2.0 over HTTP and WebSocket, binary frames, probes, metrics (docs/spec/rpc.md).
 *
 *     const server = await startRpcServer(
 *       { notary, info, readiness, logger, metrics: new Registry() },
 *       { port: 8650, adminPort: 8651, adminToken },
 *     );
 *     …
 *     await server.stop(AbortSignal.timeout(5_000));
 *
 * It needs nothing else of the process, so that node/ can run it in a worker thread of its own.
 */
export type {
  AnchorStatus,
  ChainAccess,
  ChainHead,
  ConsensusStatus,
  FaultOrder,
  FaultsInForce,
  LogAnchorStatus,
  NetworkActions,
  NetworkStatus,
  NodeStatus,
  PeerStatus,
  SubmittedTransaction,
  ValidatorStatus,
} from './chain-access.ts';
export type {
  ClusterAccess,
  ClusterGroup,
  ClusterMap,
  ClusterMemberState,
  ClusterOrders,
  ClusterReads,
  ClusterState,
  MemberLabels,
} from './cluster-access.ts';
export type { ClusterServices } from './cluster-services.ts';
export {
  errorObjectOf,
  type KnownErrorCode,
  type RpcErrorCode,
  toldCodes,
} from './errors.ts';
export { defaultLimits } from './limits.ts';
export type { NodePolicy } from './node-policy.ts';
export { startRpcServer } from './server.ts';
export type { SubmissionLimits } from './submissions.ts';
export type {
  AdminActions,
  LogLevel,
  NodeInfo,
  Readiness,
  RpcAddress,
  RpcDependencies,
  RpcLimits,
  RpcOptions,
  RpcServer,
} from './types.ts';
