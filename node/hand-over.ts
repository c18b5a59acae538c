import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import type { ClusterAccess, ClusterGroup, ClusterState } from '../rpc/index.ts';

/** The longest election time-out (RF8): beyond it the others elect somebody by themselves. */
const HAND_OVER_MS = 2_000;
const LOOK_MS = 20;

/**
 * Before a member stops (CG5): what it leads goes to the member that has most of it, so that nobody waits for an election. Takes an
 * election time-out at most; what then is led here still, is left as a crash would leave it.
 */
export async function handOver(
  cluster: ClusterAccess,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(HAND_OVER_MS)]);
  try {
    const state = await cluster.status();
    for (const group of state.partitions.filter(({ leads }) => leads)) {
      const to = successorOf(group, state);
      if (to === undefined) continue;
      logger.info({ partition: group.partition, to }, 'handing a partition over');
      await cluster.transfer(group.partition, to);
    }
    const canGo = ({ partitions, members }: ClusterState) =>
      members.every(({ self, up }) => self || !up) || partitions.every(({ leads }) => !leads);
    while (!until.aborted && !canGo(await cluster.status())) {
      await wait(LOOK_MS, undefined, { signal: until }).catch(() => {}); // time is up
    }
  } catch (err) {
    logger.warn({ err }, 'a partition was not handed over; the other members elect a leader');
  }
}

/** The linked member that is known to have most of the log. */
export function successorOf(
  { replicas }: ClusterGroup,
  { members }: ClusterState,
): string | undefined {
  const linked = new Set(members.filter(({ self, up }) => up && !self).map(({ node }) => node));
  const [first] = replicas
    .filter(({ node }) => linked.has(node))
    .sort((a, b) => b.index - a.index || (a.node < b.node ? -1 : 1));
  return first?.node;
}
