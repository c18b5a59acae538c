import type { Logger } from '../base/log.ts';
import type { Core } from '../native/index.ts';
import type { ClusterState } from '../rpc/index.ts';
import { createClusterAccess } from './cluster-access.ts';
import type { PreparedNode } from './prepared.ts';

/** How often the log hears of news. */
const WATCH_MS = 1_000;

/** Logs what changes in the cluster (CG6): who leads, which links are up, why any is not. Returns what ends it. */
export function watchCluster(core: Core, prepared: PreparedNode, logger: Logger): () => void {
  const { config, members, origin, clusterFile: file } = prepared;
  if (file === undefined) return () => {};
  const { cluster, node: self } = config.network;
  const access = createClusterAccess({ core, file, cluster, self, members, origins: [origin] });
  const told = newsOf(logger);
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    access
      .status()
      .then(told, (err: unknown) => logger.warn({ err }, 'the cluster cannot be asked how it is'))
      .finally(() => {
        isAsking = false;
      });
  }, WATCH_MS).unref();
  return () => clearInterval(timer);
}

/** Takes one state after the other and logs what is new in each. */
export function newsOf(logger: Logger): (state: ClusterState) => void {
  const isNew = news();
  const problem = (of: string, what: string | undefined, message: string) => {
    // The other side's port is another one at each try, and files that come make headway: the same trouble is told once.
    const same = (what ?? '').replace(/:\d+:/, ':').replaceAll(/\d+ (of|%)/g, '$1');
    if (isNew(`problem of ${of}`, same) && what !== undefined) {
      logger.warn({ of, problem: what }, message);
    }
  };
  return ({ partitions, members, stranger }) => {
    for (const { partition, leader, epoch, problem: what } of partitions) {
      if (isNew(`leader of ${partition}`, `${leader ?? ''} ${epoch}`)) {
        logger.info({ partition, leader, epoch }, 'a partition has a new epoch or leader');
      }
      problem(`partition ${partition}`, what, 'a partition is not well');
    }
    for (const { node, up, problem: what } of members.filter(({ self }) => !self)) {
      if (isNew(`link to ${node}`, String(up))) tellLink(logger, node, up);
      problem(node, what, 'a link to a member came to nothing');
    }
    problem('stranger', stranger, 'somebody who is no member was turned away');
  };
}

function tellLink(logger: Logger, member: string, up: boolean): void {
  if (up) logger.info({ member }, 'the link to a member is up');
  else logger.warn({ member }, 'there is no link to a member');
}

/** Whether what is said of something is other than what was said of it last. */
function news(): (of: string, said: string) => boolean {
  const last = new Map<string, string>();
  return (of, said) => {
    if (last.get(of) === said) return false;
    last.set(of, said);
    return true;
  };
}
