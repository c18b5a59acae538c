/** What the cluster does for applications: locks, coordinator numbers, consumer groups (cluster-group.md GR11 to GR17). */
import type { MethodName } from '../api/index.ts';
import type { ClusterDone } from '../consensus/index.ts';
import type { ClusterServices } from './cluster-services.ts';
import type { Handlers } from './serve.ts';

export type ClusterServiceMethod = Extract<
  MethodName,
  `cluster_lock${string}` | `cluster_coordinator${string}` | `cluster_consumer${string}`
>;

export function clusterServiceHandlers(
  services: () => ClusterServices,
): Handlers<ClusterServiceMethod> {
  const run: ClusterServices['run'] = (command) => services().run(command);
  return {
    cluster_lockAcquire: async ({ lock: name, owner: who, ttlMs, wait = false }) =>
      lockToWire(await run({ kind: 'acquire-lock', name, who, ttlMs, wait })),
    cluster_lockRenew: async ({ lock: name, fence, ttlMs }) =>
      lockToWire(await run({ kind: 'renew-lock', name, fence: Number(fence), ttlMs })),
    cluster_lockRelease: async ({ lock: name, fence }) => {
      await run({ kind: 'release-lock', name, fence: Number(fence) });
      return { released: true };
    },
    cluster_coordinatorAssign: async ({ holder: name, ttlMs }) =>
      coordinatorToWire(await run({ kind: 'assign-coordinator', name, ttlMs })),
    cluster_coordinatorRenew: async ({ number, fence, ttlMs }) =>
      coordinatorToWire(
        await run({ kind: 'renew-coordinator', name: '', number, fence: Number(fence), ttlMs }),
      ),
    cluster_coordinatorRelease: async ({ number, fence }) => {
      await run({ kind: 'release-coordinator', name: '', number, fence: Number(fence) });
      return { released: true };
    },
    ...consumerHandlers(services),
  };
}

function consumerHandlers(services: () => ClusterServices) {
  const run: ClusterServices['run'] = (command) => services().run(command);
  const handlers: Handlers<Extract<MethodName, `cluster_consumer${string}`>> = {
    cluster_consumerJoin: async ({ group: name, consumer: who, logs, strategy, ttlMs }) => {
      const sticky = strategy !== 'range';
      return consumerToWire(await run({ kind: 'join-consumers', name, who, logs, sticky, ttlMs }));
    },
    cluster_consumerHeartbeat: async ({ group: name, consumer: who, released: partitions = [] }) =>
      consumerToWire(await run({ kind: 'consumer-heartbeat', name, who, partitions })),
    cluster_consumerCommit: async ({ group: name, consumer: who, generation, offsets }) => {
      await run({
        ...{ kind: 'commit-offsets', name, who, generation: Number(generation) },
        partitions: offsets.map(({ partition }) => partition),
        offsets: offsets.map(({ offset }) => Number(offset)),
      });
      return { committed: true };
    },
    cluster_consumerLeave: async ({ group: name, consumer: who }) => {
      await run({ kind: 'leave-consumers', name, who });
      return { left: true };
    },
    cluster_consumers: async () => ({
      groups: (await services().consumers()).map(({ generation, partitions, ...same }) => ({
        ...same,
        logs: [...same.logs],
        consumers: same.consumers.map(({ name, held }) => ({ name, held: [...held] })),
        generation: `${generation}`,
        partitions: partitions.map(({ partition, offset, backlog }) => ({
          partition,
          offset: `${offset}`,
          ...(backlog === undefined ? {} : { backlog: `${backlog}` }),
        })),
      })),
    }),
  };
  return handlers;
}

function lockToWire({ fence, expiresMs, before }: ClusterDone) {
  return {
    held: fence !== undefined,
    ...(fence === undefined ? {} : { fence: `${fence}` }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
    ...(before === undefined ? {} : { before }),
  };
}

function coordinatorToWire({ number = 0, fence = 0, fromMs = 0, expiresMs = 0 }: ClusterDone) {
  return { number, fence: `${fence}`, fromMs, expiresMs };
}

function consumerToWire({
  generation = 0,
  assigned = [],
  revoked = [],
  expiresMs = 0,
}: ClusterDone) {
  return {
    generation: `${generation}`,
    assigned: [...assigned],
    revoked: [...revoked],
    expiresMs,
  };
}
