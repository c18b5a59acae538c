import type { Clock } from '../base/time.ts';
import { formatCheckpointBody, formatNote } from '../receipt/index.ts';
import {
  createMemoryIdSequencer,
  decodeProposal,
  encodeOutcomes,
  encodePaths,
  firstNewOffset,
  idsOf,
  type MemoryIdSequencer,
  type MemoryLogStore,
  type Outcome,
} from '../storage/index.ts';
import type { Cosigner } from './cosigner.ts';
import type { CheckpointFeed, Replicator, Role, SignedCheckpoint } from './replicator.ts';

export interface MemoryReplicatorDeps {
  readonly store: MemoryLogStore;
  readonly cosigner: Cosigner;
  readonly clock: Clock;
  /** One sequence for all partitions: an id names one record of the node. Default: of coordinator 0, for records only. */
  readonly ids?: MemoryIdSequencer;
}

export interface MemoryReplicator extends Replicator, CheckpointFeed {
  /** Cancels checkpoints that are due. */
  close(): void;
}

const EPOCH = 1;

/**
 * A replicator of one whose log lives in memory: committed as soon as proposed.
 *
 * `checkpointMsMin` is the distance between checkpoints nobody waits for (notary.md N5).
 */
export function createMemoryReplicator(
  deps: MemoryReplicatorDeps,
  options: { readonly checkpointMsMin: number },
): MemoryReplicator {
  const { store, clock, ids = createMemoryIdSequencer(clock) } = deps;
  const leader: Role = { kind: 'leader', epoch: EPOCH };
  const logs = store.partitions.map((_, partition) => new CheckpointedLog(deps, ids, partition));
  const log = (partition: number): CheckpointedLog => {
    // Unknown partitions get the store's own error.
    store.durableSize(partition);
    const found = logs[partition];
    if (found === undefined) throw new Error('invariant broken: store and replicator differ');
    return found;
  };
  return {
    ackPolicy: 'majority',
    replicas: 1,
    async propose(partition, proposal, { wait, paths, signal }) {
      signal?.throwIfAborted();
      const outcomes = log(partition).append(proposal);
      const packed = encodeOutcomes(outcomes);
      const answer = {
        epoch: EPOCH,
        durability: 'durable' as const,
        baseOffset: firstNewOffset(packed),
        ackPolicy: 'majority' as const,
        replicas: 1,
        outcomes: packed,
      };
      if (wait === 'durable') {
        log(partition).signLater(clock.monotonic() + options.checkpointMsMin);
        return answer;
      }
      const checkpoint = await log(partition).sign();
      if (!paths) return { ...answer, checkpoint };
      const { size } = checkpoint;
      const found = outcomes.map(({ offset: index }) =>
        store.inclusion(partition, { index, size }, 'blake3'),
      );
      return { ...answer, checkpoint, paths: encodePaths(found) };
    },
    role: () => leader,
    onRole(listener) {
      for (const partition of logs.keys()) listener(partition, leader);
      return () => {};
    },
    newest: (partition) => log(partition).newest,
    reached: (partition, size, signal) => log(partition).reached(size, signal),
    close() {
      for (const each of logs) each.close();
    },
  };
}

/** One partition: gives times, and keeps its newest checkpoint. */
class CheckpointedLog {
  newest: SignedCheckpoint | undefined;
  readonly #deps: MemoryReplicatorDeps;
  readonly #ids: MemoryIdSequencer;
  readonly #partition: number;
  readonly #waiting = new Set<(checkpoint: SignedCheckpoint) => void>();
  #lastTime = 0;
  #cancelDue: (() => void) | undefined;

  constructor(deps: MemoryReplicatorDeps, ids: MemoryIdSequencer, partition: number) {
    this.#deps = deps;
    this.#ids = ids;
    this.#partition = partition;
  }

  append(proposal: Uint8Array): Outcome[] {
    const { store, clock } = this.#deps;
    const records = decodeProposal(proposal);
    // L5: time never decreases and ids strictly increase, whatever the wall clock does.
    this.#lastTime = Math.max(this.#lastTime, Math.floor(clock.wall()));
    const ids = idsOf(this.#ids.take(records.length));
    const idOf = (index: number) => ids[index] ?? 0n;
    const entry = { epoch: EPOCH, timestamp: this.#lastTime, idOf, records };
    const outcomes = store.apply(this.#partition, entry);
    if (this.#waiting.size > 0) void this.sign();
    return outcomes;
  }

  /** A checkpoint of everything applied. Where nobody awaits it, a refusal is a bug and stops the process. */
  async sign(): Promise<SignedCheckpoint> {
    const { store, cosigner } = this.#deps;
    const size = store.durableSize(this.#partition);
    if (this.newest !== undefined && this.newest.size >= size) return this.newest;
    const options = store.partitions[this.#partition];
    const checkpoint = {
      origin: options?.origin ?? '',
      size,
      root: store.root(this.#partition, size, 'blake3'),
      epoch: EPOCH,
      time: this.#lastTime,
      ...(options?.sha256 ? { sha256Root: store.root(this.#partition, size, 'sha256') } : {}),
    };
    const signature = await cosigner.cosign(checkpoint);
    const note = formatNote({ body: formatCheckpointBody(checkpoint), signatures: [signature] });
    const signed = { size, note };
    if (size > (this.newest?.size ?? -1)) this.newest = signed;
    for (const wake of [...this.#waiting]) wake(signed);
    return signed;
  }

  signLater(at: number): void {
    this.#cancelDue ??= this.#deps.clock.schedule(at, () => {
      this.#cancelDue = undefined;
      void this.sign();
    });
  }

  async reached(size: number, signal?: AbortSignal): Promise<SignedCheckpoint> {
    signal?.throwIfAborted();
    if (this.newest !== undefined && this.newest.size >= size) return this.newest;
    if (this.#deps.store.durableSize(this.#partition) >= size) return this.sign();
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(onSigned);
        signal?.removeEventListener('abort', onAbort);
      };
      const onSigned = (checkpoint: SignedCheckpoint) => {
        if (checkpoint.size < size) return;
        done();
        resolve(checkpoint);
      };
      const onAbort = () => {
        done();
        reject(signal?.reason);
      };
      this.#waiting.add(onSigned);
      signal?.addEventListener('abort', onAbort);
    });
  }

  close(): void {
    this.#cancelDue?.();
    this.#cancelDue = undefined;
  }
}
