import type { AgreedConsumers, ClusterStatus, Core } from '../native/index.ts';
import type { ClusterServices } from '../rpc/index.ts';

export type ServiceCore = Pick<Core, 'clusterStatus' | 'clusterService' | 'durableSize'>;

/** What the cluster does for applications, and how far their consumer groups are. */
export function createClusterServices(core: ServiceCore): ClusterServices {
  return {
    run: (command) => core.clusterService(command),
    async consumers() {
      const status = await core.clusterStatus();
      const held = heldOf(status);
      const stateOf = ({
        name,
        logs,
        generation,
        consumers,
        partitions,
        offsets,
      }: AgreedConsumers) => ({
        group: name,
        logs,
        generation,
        consumers,
        partitions: partitions.map((partition, i) => {
          const offset = offsets[i] ?? 0;
          const known = { partition, offset };
          if (!held.has(partition)) return known;
          return { ...known, backlog: Math.max(0, core.durableSize(partition) - offset) };
        }),
      });
      return (status.agreed?.consumers ?? []).map(stateOf);
    },
  };
}

/** Partitions whose records are here. */
function heldOf({ partitions }: ClusterStatus): Set<number> {
  return new Set(partitions.map(({ partition }) => partition));
}
