/** The operator's methods (rpc.md R7); who may call them is the admin listener's business. */
import type { MethodName } from '../api/index.ts';
import type { Handlers } from './serve.ts';
import type { AdminActions } from './types.ts';

type AdminMethod = Extract<MethodName, `admin_${string}`>;

export function adminHandlers(admin: AdminActions): Handlers<AdminMethod> {
  return {
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
