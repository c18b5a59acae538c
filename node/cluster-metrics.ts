import { Gauge, type Registry } from 'prom-client';
import type { ClusterAccess, ClusterGroup, ClusterState } from '../rpc/index.ts';

const GROUP_GAUGES = [
  ['pyralog_cluster_leads', 'This node leads the partition.', ({ leads }) => Number(leads)],
  [
    'pyralog_cluster_healthy',
    'Nothing is known to be wrong with the partition’s group.',
    ({ problem }) => Number(problem === undefined),
  ],
  ['pyralog_cluster_epoch', 'Epoch of the partition.', ({ epoch }) => epoch],
  [
    'pyralog_cluster_commit_index',
    'Log index up to which the partition is committed, as far as is known here.',
    ({ commit }) => commit,
  ],
  [
    'pyralog_cluster_applied_index',
    'Log index up to which the partition is applied here.',
    ({ applied }) => applied,
  ],
] as const satisfies readonly (readonly [string, string, (group: ClusterGroup) => number])[];

/** Groups and links of a member of a cluster; docs/OPERATIONS.md describes each. */
export function exportClusterMetrics(registry: Registry, cluster: ClusterAccess): void {
  const registers = [registry];
  let asked: Promise<ClusterState> | undefined;
  const state = () => {
    // All gauges of a scrape are of one answer.
    asked ??= cluster.status().finally(() => {
      asked = undefined;
    });
    return asked;
  };
  for (const [name, help, value] of GROUP_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['partition'],
      registers,
      async collect() {
        const { partitions } = await state();
        for (const group of partitions) {
          this.set({ partition: `${group.partition}` }, value(group));
        }
      },
    });
  }
  new Gauge({
    name: 'pyralog_cluster_consumer_backlog',
    help: 'Records of a partition here that a consumer group has not said to have read.',
    labelNames: ['group', 'partition'],
    registers,
    async collect() {
      this.reset();
      for (const { group, partitions } of await cluster.services.consumers()) {
        for (const { partition, backlog } of partitions) {
          if (backlog !== undefined) this.set({ group, partition: `${partition}` }, backlog);
        }
      }
    },
  });
  new Gauge({
    name: 'pyralog_cluster_link_up',
    help: 'The link to a member is up.',
    labelNames: ['member'],
    registers,
    async collect() {
      const { members } = await state();
      for (const { node, self, up } of members) if (!self) this.set({ member: node }, Number(up));
    },
  });
}
