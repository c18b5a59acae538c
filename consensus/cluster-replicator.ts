import { setTimeout as wait } from 'node:timers/promises';
import { PyralogError } from '../base/errors.ts';
import type { Core, PartitionOptions } from '../native/index.ts';

export type { ClusterDone, ClusterServiceCommand } from '../native/index.ts';

import { consensusError } from './errors.ts';
import { type RepeatDeps, type RepeatOptions, repeated } from './repeat.ts';
import type { AckPolicy, CheckpointFeed, Replicator, Role } from './replicator.ts';
import { createSoloReplicator } from './solo-replicator.ts';

/** How often roles are asked for. */
const ROLES_MS = 250;
/** Less than a call without a time limit of its own is given (rpc.md R4). */
const PATIENCE_MS = 20_000;
const WAIT_MS_FIRST = 10;
const WAIT_MS_MAX = 500;

export interface ClusterReplicatorOptions {
  readonly partitions: readonly Pick<PartitionOptions, 'dedupRecords'>[];
  /** Members that hold each partition. */
  readonly replicas: number;
  /** Whose disks have a record before it is acknowledged (CG10); default `majority`. */
  readonly acks?: AckPolicy;
  /** Node names by number. */
  readonly names: ReadonlyMap<number, string>;
  /** Told when roles cannot be asked for. */
  readonly onError: (error: unknown) => void;
  /** Clock, pauses and chance of repeats, for tests. */
  readonly timing?: Omit<RepeatDeps, 'size'>;
}

const systemTiming: Omit<RepeatDeps, 'size'> = {
  now: () => performance.now(),
  pause: (ms, signal) => wait(ms, undefined, signal && { signal }),
  random: Math.random,
};

/**
 * The partitions of a replicated core (raft.md). A proposal may be handed to any member: one that does not lead passes it on
 * (CO6). What fails because nobody leads for a moment, or because the leader is lost with the answer, is proposed again (N12).
 * `role` is what was heard last.
 *
 * The core stays the caller's. `stop` ends asking for roles.
 */
export function createClusterReplicator(
  core: Core,
  { partitions, replicas, acks, names, onError, timing = systemTiming }: ClusterReplicatorOptions,
): Replicator & CheckpointFeed & { stop(): void } {
  // Proposing and checkpoints are the same calls: the core knows who leads.
  const local = createSoloReplicator(core, partitions.length, acks);
  const listeners = new Set<(partition: number, role: Role) => void>();
  const roles = new Map<number, Role>();
  const follower: Role = { kind: 'follower', hint: undefined };

  async function look(): Promise<void> {
    const { partitions: groups } = await core.clusterStatus();
    for (const { partition, leads, leader, epoch } of groups) {
      const role: Role = leads
        ? { kind: 'leader', epoch }
        : { kind: 'follower', hint: leader === undefined ? undefined : names.get(leader) };
      if (isSame(roles.get(partition), role)) continue;
      roles.set(partition, role);
      for (const listener of listeners) listener(partition, role);
    }
  }
  const timer = setInterval(() => void look().catch(onError), ROLES_MS).unref();
  void look().catch(onError);

  return {
    ...local,
    replicas,
    async propose(partition, proposal, options) {
      const { signal } = options;
      const repeat = { ...repeatOptions(partitions[partition]), signal };
      const deps = { ...timing, size: () => core.durableSize(partition) };
      try {
        const attempt = () => local.propose(partition, proposal, options);
        return { ...(await repeated(attempt, repeat, deps)), replicas };
      } catch (error) {
        throw isNotLeader(error) ? notLeader(partition, error) : error;
      }
    },
    role: (partition) => roles.get(partition) ?? follower,
    onRole(listener) {
      listeners.add(listener);
      for (const [partition, role] of roles) listener(partition, role);
      return () => listeners.delete(listener);
    },
    stop: () => clearInterval(timer),
  };
}

/** A repeat must be recognised: half of the window is left to what this member has not heard of. */
function repeatOptions(
  partition: Pick<PartitionOptions, 'dedupRecords'> | undefined,
): RepeatOptions {
  return {
    patienceMs: PATIENCE_MS,
    waitMsFirst: WAIT_MS_FIRST,
    waitMsMax: WAIT_MS_MAX,
    recordsMax: (partition?.dedupRecords ?? 0) / 2,
  };
}

function isSame(a: Role | undefined, b: Role): boolean {
  if (a?.kind === 'leader') return b.kind === 'leader' && a.epoch === b.epoch;
  return a !== undefined && b.kind === 'follower' && a.hint === b.hint;
}

function isNotLeader(error: unknown): boolean {
  return error instanceof PyralogError && error.code === 'log/not-leader';
}

function notLeader(partition: number, cause: unknown): PyralogError {
  return consensusError(
    'consensus/not-leader',
    `nobody is known to lead partition ${partition}: a majority of the cluster is needed for that; nothing was taken, try again in a moment`,
    { data: { partition }, cause },
  );
}
