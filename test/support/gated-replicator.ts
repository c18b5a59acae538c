import type { CheckpointFeed, Replicator } from '../../consensus/index.ts';

/** A replicator whose proposals wait at a gate, for showing what happens while the disk is busy. */
export interface Gate {
  readonly replicator: Replicator & CheckpointFeed;
  /** The proposals that came, in order. */
  readonly proposals: Uint8Array[];
  open(): void;
  /** What proposals are rejected with, once set, instead of being passed on. */
  failure: Error | undefined;
}

export function gate(inner: Replicator & CheckpointFeed, opened = false): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (opened) resolve();
  const result: Gate = {
    proposals: [],
    failure: undefined,
    open: resolve,
    replicator: {
      ackPolicy: inner.ackPolicy,
      replicas: inner.replicas,
      async propose(partition, proposal, options) {
        result.proposals.push(proposal);
        await promise;
        if (result.failure !== undefined) throw result.failure;
        return inner.propose(partition, proposal, options);
      },
      role: (partition) => inner.role(partition),
      onRole: (listener) => inner.onRole(listener),
      newest: (partition) => inner.newest(partition),
      reached: (partition, size, signal) => inner.reached(partition, size, signal),
    },
  };
  return result;
}
