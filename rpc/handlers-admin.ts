/** The operator's methods (rpc.md R7); who may call them is the admin listener's business. */
import type { MethodName } from '../api/index.ts';
import type { ClusterReads } from './cluster-access.ts';
import { clusterHandlers } from './handlers-cluster.ts';
import { networkAdminHandlers, nodeStatusToWire } from './handlers-network.ts';
import { storeHandlers } from './handlers-store.ts';
import type { Handlers } from './serve.ts';
import type { AdminActions } from './types.ts';

type AdminMethod =
  | Extract<
      MethodName,
      | `admin_${string}`
      | `cluster_${'status' | 'transfer'}`
      | `schema_${string}`
      | `record_${string}`
    >
  | 'net_fault'
  | 'net_ban'
  | 'net_unban'
  | 'node_status';

export function adminHandlers(
  admin: AdminActions,
  reads: ClusterReads | undefined,
): Partial<Handlers<AdminMethod>> {
  const { status, store } = admin;
  return {
    ...networkAdminHandlers(admin.network),
    ...clusterHandlers(admin.cluster),
    ...(store && storeHandlers(store, reads)),
    ...(status && { node_status: async () => nodeStatusToWire(await status()) }),
    admin_stats: () =>
      Object.fromEntries(
        Object.entries(admin.stats()).map(([name, value]) => [
          name,
          typeof value === 'bigint' ? value.toString() : value,
        ]),
      ),
    admin_shutdown: () => {
      admin.shutdown();
      return { stopping: true };
    },
    admin_logLevel: ({ level }) => {
      admin.setLogLevel(level);
      return { level };
    },
  };
}
