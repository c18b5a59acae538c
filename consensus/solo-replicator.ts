import { PyralogError } from '../base/errors.ts';
import type { Core } from '../native/index.ts';
import { firstNewOffset } from '../storage/index.ts';
import { consensusError } from './errors.ts';
import { giveUpOn } from './give-up.ts';
import type { AckPolicy, CheckpointFeed, Replicator, Role } from './replicator.ts';

/**
 * A "cluster" of one over the native core: it always leads, and durable means on its own disk.
 *
 * The core stays the caller's. Partitions are those it was opened with. With one replica both policies are the same.
 */
export function createSoloReplicator(
  core: Core,
  partitions: number,
  acks: AckPolicy = 'majority',
): Replicator & CheckpointFeed {
  // An unreplicated log's records are all of epoch 1 (record.md L1).
  const leader: Role = { kind: 'leader', epoch: 1 };
  let proposals = 0;
  return {
    ackPolicy: acks,
    replicas: 1,
    async propose(partition, proposal, { wait, paths, signal }) {
      signal?.throwIfAborted();
      const id = `${partition}/${++proposals}`;
      const working = core
        .propose(partition, proposal, { wait, paths, acks })
        .catch((error: unknown) => {
          throw isOutcomeUnknown(error) ? outcomeUnknown(id, error) : error;
        });
      const answer = await giveUpOn(working, signal, () => outcomeUnknown(id, signal?.reason));
      return {
        ...answer,
        baseOffset: firstNewOffset(answer.outcomes),
        ackPolicy: acks,
        replicas: 1,
      };
    },
    role: () => leader,
    onRole(listener) {
      for (let partition = 0; partition < partitions; partition++) listener(partition, leader);
      return () => {};
    },
    newest: (partition) => core.checkpoint(partition),
    async reached(partition, size, signal) {
      signal?.throwIfAborted();
      return giveUpOn(core.checkpointAt(partition, size), signal, () => signal?.reason);
    },
  };
}

function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof PyralogError && error.code === 'log/outcome-unknown';
}

export function outcomeUnknown(id: string, cause: unknown): PyralogError {
  return consensusError(
    'consensus/outcome-unknown',
    `proposal ${id} was given up while it was on its way; ask for its record, or repeat it with the same key`,
    { data: { id }, cause },
  );
}
