/** Anchors, agreement and peers (anchor.md, pos.md, net.md), and the operator's hand on the network (R7). */
import {
  countFromWire,
  finalAnchorToWire,
  type MethodName,
  type MethodParams,
  type MethodResult,
} from '../api/index.ts';
import { toHex } from '../base/bytes.ts';
import type {
  ChainAccess,
  FaultOrder,
  FaultsInForce,
  LogAnchorStatus,
  NetworkActions,
  NodeStatus,
  PeerStatus,
  ValidatorStatus,
} from './chain-access.ts';
import type { ChainSource } from './chain-parts.ts';
import { rpcError } from './errors.ts';
import { notFound } from './handlers-chain.ts';
import { mapped } from './mapped.ts';
import { type Handlers, need } from './serve.ts';
import { subscriberOf } from './subscriptions.ts';
import type { RpcDependencies } from './types.ts';

type NetworkMethod =
  | Extract<MethodName, `anchor_${string}` | `consensus_${string}`>
  | 'net_peers'
  | 'net_status';

const BAN_SECONDS_DEFAULT = 3_600;

export function networkHandlers(
  { notary }: Pick<RpcDependencies, 'notary'>,
  parts: ChainSource,
): Handlers<NetworkMethod> {
  return {
    anchor_status: async () => anchorStatusToWire(await parts().chain.anchorStatus()),
    anchor_proof: async ({ origin, size: text, byHistory }) => {
      const { chain } = parts();
      const size = need(countFromWire(text, 'size'));
      const anchor = size === 0 ? undefined : await chain.anchor(origin, size);
      if (anchor === undefined)
        throw notFound(`no final anchor of that log covers ${size} records`);
      const proof = await chain.anchorProof(origin, anchor.size, byHistory ?? false);
      if (proof === undefined) throw new Error(`a final anchor of ${origin} has no proof`);
      return {
        anchor: finalAnchorToWire(anchor),
        scheme: proof.scheme,
        proof: toHex(proof.proof),
      };
    },
    anchor_subscribe: async ({ origin }, caller) => {
      const { chain } = parts();
      const subscriber = subscriberOf(caller);
      // A stranger could have the node keep watch over names that nobody has.
      const here = notary.logs().some((log) => log.origin === origin);
      if (!here && (await chain.log(origin)) === undefined) {
        throw notFound('no log of that origin is kept here or has a final anchor');
      }
      return subscriber.subscribe('anchor_subscription', (signal) =>
        mapped(chain.finalAnchors(origin, signal), finalAnchorToWire),
      );
    },
    consensus_status: async () => {
      const status = await parts().chain.consensusStatus();
      return {
        ...status,
        height: `${status.height}`,
        rounds: `${status.rounds}`,
        validators: status.validators.map(validatorToWire),
      };
    },
    consensus_validators: async () => {
      const { height, validators } = await parts().chain.consensusStatus();
      return { height: `${height}`, validators: validators.map(validatorToWire) };
    },
    net_peers: async () => ({ peers: (await parts().chain.network()).peers.map(peerToWire) }),
    net_status: async () => {
      const { id, addresses, peers, banned } = await parts().chain.network();
      return { id, addresses: [...addresses], peers: peers.length, banned };
    },
  };
}

/** Without a network these answer `chain/no-chain`. */
export function networkAdminHandlers(
  actions: NetworkActions | undefined,
): Handlers<'net_fault' | 'net_ban' | 'net_unban'> {
  const network = () => {
    if (actions !== undefined) return actions;
    throw rpcError('chain/no-chain', 'this node runs no network: it is on no chain');
  };
  return {
    net_fault: async (params) => faultsToWire(await network().fault(orderOf(params))),
    net_ban: async ({ peer, seconds }) => {
      await network().ban(peer, seconds ?? BAN_SECONDS_DEFAULT);
      return { banned: true };
    },
    net_unban: async ({ peer }) => ({ unbanned: await network().unban(peer) }),
  };
}

export function nodeStatusToWire(status: NodeStatus): MethodResult<'node_status'> {
  const { rssBytes, records, height, headTime, mempool, anchored, warnings, ...same } = status;
  return {
    ...same,
    rssBytes: `${rssBytes}`,
    records: `${records}`,
    height: `${height}`,
    ...(headTime === undefined ? {} : { headTime: `${headTime}` }),
    mempool: `${mempool}`,
    anchored: `${anchored}`,
    warnings: [...warnings],
  };
}

function anchorStatusToWire(
  status: Awaited<ReturnType<ChainAccess['anchorStatus']>>,
): MethodResult<'anchor_status'> {
  const { cluster, account, balance, empty, logs } = status;
  return {
    cluster,
    ...(account && { account: toHex(account) }),
    ...(balance === undefined ? {} : { balance: `${balance}` }),
    empty,
    logs: logs.map(logAnchorToWire),
  };
}

function logAnchorToWire(log: LogAnchorStatus) {
  const { origin, durable, size, height, time, cutOffAt } = log;
  return {
    origin,
    durable: `${durable}`,
    size: `${size}`,
    ...(height === undefined ? {} : { height: `${height}` }),
    ...(time === undefined ? {} : { time: `${time}` }),
    ...(cutOffAt === undefined ? {} : { cutOffAt: `${cutOffAt}` }),
  };
}

function validatorToWire({ name, key, power, self }: ValidatorStatus) {
  return { name, key: toHex(key), power: `${power}`, self };
}

function peerToWire({ height, since, ...same }: PeerStatus) {
  return { ...same, since: `${since}`, ...(height === undefined ? {} : { height: `${height}` }) };
}

/** The schema allows the fields of all actions; here each action has its own. */
function orderOf(params: MethodParams<'net_fault'>): FaultOrder {
  const { action, peers, directions, delayMs, jitterMs, rate } = params;
  if (action === 'partition') {
    if (peers === undefined) throw missing(action, 'peers');
    return { action, peers, directions: directions ?? ['in', 'out'] };
  }
  if (action === 'heal') return peers === undefined ? { action } : { action, peers };
  if (action === 'delay') {
    if (delayMs === undefined) throw missing(action, 'delayMs');
    return { action, delayMs, jitterMs: jitterMs ?? 0 };
  }
  if (action === 'drop') {
    if (rate === undefined) throw missing(action, 'rate');
    return { action, rate };
  }
  return { action };
}

function missing(action: string, field: string) {
  return rpcError('rpc/invalid-params', `${action} needs ${field}; see rpc.discover`);
}

function faultsToWire({ partitions, delayMs, jitterMs, dropRate }: FaultsInForce) {
  return {
    partitions: partitions.map(({ peer, direction }) => ({ peer, direction })),
    delayMs,
    jitterMs,
    dropRate,
  };
}
