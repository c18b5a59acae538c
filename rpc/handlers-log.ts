/** Logs, proofs and the network's name: what an auditor asks (merkle.md M4, checkpoint.md). */
import {
  countFromWire,
  logInfoToWire,
  type MethodName,
  openRpcDocument,
  pathToWire,
} from '../api/index.ts';
import type { LogInfo, Notary } from '../notary/index.ts';
import { rpcError } from './errors.ts';
import { reach } from './reading.ts';
import { type Handlers, need } from './serve.ts';
import type { RpcDependencies } from './types.ts';

type LogMethod = Extract<MethodName, `log_${string}` | 'net_version' | `rpc.${string}`>;

export function logHandlers({ notary, info, cluster }: RpcDependencies): Handlers<LogMethod> {
  let document: Record<string, unknown> | undefined;
  return {
    log_info: async ({ origin, ...reading }) => {
      const staleness = await reach(cluster, origin, reading);
      const logs = origin === undefined ? notary.logs() : [logOf(notary, origin)];
      return { logs: logs.map(logInfoToWire), ...staleness };
    },
    log_inclusionProof: (params) => {
      const log = logOf(notary, params.origin);
      const index = need(countFromWire(params.index, 'index'));
      const size = sizeWithin(log, params.size, 'size');
      if (index >= size) throw outOfRange(`index ${index} is not below size ${size}`);
      const algorithm = params.algorithm ?? 'blake3';
      return pathToWire(notary.inclusionProof({ origin: log.origin, index, size, algorithm }));
    },
    log_consistencyProof: (params) => {
      const log = logOf(notary, params.origin);
      const from = need(countFromWire(params.from, 'from'));
      const to = sizeWithin(log, params.to, 'to');
      if (from > to) throw outOfRange(`from ${from} is above to ${to}`);
      const algorithm = params.algorithm ?? 'blake3';
      return pathToWire(notary.consistencyProof({ origin: log.origin, from, to, algorithm }));
    },
    log_checkpoint: ({ origin, algorithm }) => {
      const { checkpoint } = logOf(notary, origin);
      const note = algorithm === 'sha256' ? checkpoint?.sha256Note : checkpoint?.note;
      if (checkpoint !== undefined && note !== undefined) {
        return { size: checkpoint.size.toString(), note };
      }
      if (checkpoint === undefined) {
        throw rpcError('notary/no-checkpoint', 'no checkpoint of this log has been signed yet');
      }
      throw rpcError('notary/unknown-log', 'this log keeps no SHA-256 tree');
    },
    net_version: () => info().networkId,
    'rpc.discover': () => {
      document ??= openRpcDocument(info().version);
      return { openrpc: '1.3.2', ...document };
    },
  };
}

function logOf(notary: Notary, origin: string): LogInfo {
  const log = notary.logs().find((one) => one.origin === origin);
  if (log !== undefined) return log;
  throw rpcError('notary/unknown-log', 'this node keeps no log of that origin; see log_info');
}

function sizeWithin(log: LogInfo, text: string, name: string): number {
  const size = need(countFromWire(text, name));
  if (size <= log.size) return size;
  throw outOfRange(`${name} ${size} is above the log's size ${log.size}`);
}

function outOfRange(message: string) {
  return rpcError('log/out-of-range', message);
}
