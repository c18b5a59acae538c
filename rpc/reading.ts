/** Reads of stated freshness (rpc.md R14). */
import type { ClusterReads } from './cluster-access.ts';

export interface Reading {
  readonly read?: 'local' | 'linearizable';
  readonly maxStalenessMs?: number;
}

/** What an answer adds when its call named the staleness that it bears. */
export interface Staleness {
  readonly stalenessMs?: number;
}

/**
 * Waits until this node is as new as a call wants; at once when it wants nothing, or on a lone node, where nothing was ever
 * acknowledged elsewhere.
 */
export async function reach(
  cluster: ClusterReads | undefined,
  origin: string | undefined,
  { read, maxStalenessMs }: Reading,
): Promise<Staleness> {
  const isLinearizable = read === 'linearizable';
  if (maxStalenessMs === undefined && !isLinearizable) return {};
  const stalenessMs =
    cluster === undefined
      ? 0
      : await cluster.reach(
          origin,
          isLinearizable || maxStalenessMs === undefined
            ? { kind: 'linearizable' }
            : { kind: 'bounded', maxStalenessMs },
        );
  return maxStalenessMs === undefined ? {} : { stalenessMs };
}
