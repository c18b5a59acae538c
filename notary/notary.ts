import { assert } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { CheckpointFeed, Replicator } from '../consensus/index.ts';
import {
  type DigestAlgorithm,
  decodeMultihash,
  encodeMultihash,
  NOTARY_SCHEMA,
  type Receipt,
} from '../receipt/index.ts';
import {
  encodeDigests,
  type LogRow,
  type LogStore,
  PROPOSAL_RECORDS_MAX,
} from '../storage/index.ts';
import type { BatcherOptions } from './batcher.ts';
import { CheckpointWatch } from './checkpoints.ts';
import { fromReplicator, notaryError } from './errors.ts';
import { Finality } from './finality.ts';
import { Receipts } from './receipts.ts';
import { checkPacked, checkSubmission } from './submission.ts';
import { Submitter } from './submit.ts';
import type {
  FinalAnchor,
  FinalAnchors,
  LogInfo,
  Notary,
  PackedSubmitted,
  ReceiptOptions,
  RecordStatus,
  Submission,
  SubmitCallOptions,
  SubmitOptions,
  SubmitOutcome,
} from './types.ts';

/** Bytes of one read of {@link Notary.since}, and most reads of one answer. */
const SINCE_READ_BYTES = 256 * 1024;
const SINCE_READS_MAX = 16;

export interface NotaryDeps {
  readonly replicator: Replicator;
  readonly checkpoints: CheckpointFeed;
  readonly logStore: LogStore;
  readonly clock: Clock;
  /** Of the chain this node is on; without it receipts stay at `checkpoint`. */
  readonly anchors?: FinalAnchors;
  /** Told when the following of final anchors fails: `final` then shows late. Default: nobody is told. */
  readonly onError?: (error: unknown) => void;
  /** Runs a task once this turn of the event loop has taken what is ready; default `setImmediate`. */
  readonly defer?: (task: () => void) => void;
}

export interface NotaryOptions {
  /** Submissions in one batch, at most 65,536 (batch.md B1); default 8,192. */
  readonly batchRecordsMax?: number;
  /** Batches on their way a partition and kind of wait; default 2: one on disk while the next is made. */
  readonly batchesInFlightMax?: number;
  /** Submissions waiting for a batch, a partition and kind of wait, beyond which callers are turned away; default 65,536. */
  readonly queueRecordsMax?: number;
  /** Packed batches on their way; default 16. */
  readonly packedInFlightMax?: number;
  /** Least distance between the checkpoints one subscription is told; default 25 (N5). */
  readonly checkpointMsMin?: number;
}

/** A notary that can be waited for. */
export interface NotaryService extends Notary {
  /** Resolves when every submission that was taken is answered; then the chain is followed no longer. Callers stop coming first. */
  drain(): Promise<void>;
}

export function createNotary(deps: NotaryDeps, options: NotaryOptions = {}): NotaryService {
  return new LogNotary(deps, options);
}

class LogNotary implements NotaryService {
  readonly #deps: NotaryDeps;
  readonly #submitter: Submitter;
  readonly #watch: CheckpointWatch;
  readonly #finality: Finality | undefined;
  readonly #receipts: Receipts;
  readonly #packedInFlightMax: number;
  #packedInFlight = 0;

  constructor(deps: NotaryDeps, options: NotaryOptions) {
    const { replicator, checkpoints, logStore, clock, defer = setImmediate } = deps;
    const { partitions } = logStore;
    const limits: BatcherOptions = {
      batchRecordsMax: options.batchRecordsMax ?? 8_192,
      batchesInFlightMax: options.batchesInFlightMax ?? 2,
      queueRecordsMax: options.queueRecordsMax ?? 65_536,
    };
    assert(limits.batchRecordsMax <= PROPOSAL_RECORDS_MAX, 'a batch is one proposal');
    assert(partitions.length > 0, 'a notary has a log');
    this.#deps = deps;
    this.#submitter = new Submitter({ replicator, partitions, defer }, limits);
    this.#watch = new CheckpointWatch({ feed: checkpoints, clock }, options.checkpointMsMin ?? 25);
    const { anchors, onError = () => {} } = deps;
    this.#finality = anchors && new Finality({ anchors, logStore, onError });
    const status = (id: bigint) => this.status(id);
    this.#receipts = new Receipts({ logStore, checkpoints, finality: this.#finality, status });
    this.#packedInFlightMax = options.packedInFlightMax ?? 16;
  }

  submit(submissions: readonly Submission[], options: SubmitCallOptions): Promise<SubmitOutcome[]> {
    return this.#submitter.submit(submissions, options);
  }

  async submitPacked(
    batch: { algorithm: DigestAlgorithm; submitter: string; digests: Uint8Array },
    { waitFor, signal }: SubmitOptions,
  ): Promise<PackedSubmitted> {
    signal?.throwIfAborted();
    const { replicator, logStore } = this.#deps;
    const { algorithm, submitter, digests } = batch;
    const code = checkPacked(algorithm, submitter, digests.length);
    if (logStore.partitions.length > 1) {
      throw notaryError(
        'notary/invalid-submission',
        'a packed batch needs a log of one partition: its digests would belong to several (N6)',
      );
    }
    this.#checkPackedRoom();
    const proposal = encodeDigests({ code, submitter, digests });
    this.#packedInFlight++;
    try {
      const { outcomes, durability, checkpoint } = await replicator.propose(0, proposal, {
        wait: waitFor,
        paths: false,
        ...(signal === undefined ? {} : { signal }),
      });
      if (checkpoint === undefined) return { outcomes, durability };
      return { outcomes, durability, checkpoint: { size: checkpoint.size, note: checkpoint.note } };
    } catch (error) {
      throw fromReplicator(error);
    } finally {
      this.#packedInFlight--;
    }
  }

  status(id: bigint): RecordStatus | undefined {
    const { logStore } = this.#deps;
    for (const partition of logStore.partitions.keys()) {
      const offset = logStore.findById(partition, id);
      if (offset !== undefined) return this.#statusAt(partition, offset);
    }
    return undefined;
  }

  receipt(id: bigint, options: ReceiptOptions): Promise<Receipt | undefined> {
    return this.#receipts.wanted(id, options);
  }

  upgrade(receipt: Receipt, options: Partial<ReceiptOptions> = {}): Promise<Receipt | undefined> {
    return this.#receipts.upgrade(receipt, options);
  }

  search(algorithm: DigestAlgorithm, digest: Uint8Array, limit: number): RecordStatus[] {
    const { logStore } = this.#deps;
    checkSubmission({ algorithm, digest, submitter: '' });
    const multihash = encodeMultihash({ algorithm, digest });
    const found: RecordStatus[] = [];
    for (const partition of logStore.partitions.keys()) {
      const offsets = logStore.findByDigest(partition, multihash, limit - found.length);
      for (const offset of offsets) {
        const status = this.#statusAt(partition, offset);
        if (status !== undefined) found.push(status);
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  since(origin: string, ms: number, limit: number): RecordStatus[] {
    const { logStore } = this.#deps;
    const partition = this.#partition(origin);
    const found: RecordStatus[] = [];
    let offset = logStore.findByTime(partition, ms);
    // The log may hold records of other services; a long run of them ends the answer, not the patience of the thread.
    for (let reads = 0; offset !== undefined && reads < SINCE_READS_MAX; reads++) {
      const rows = logStore.read(partition, offset, SINCE_READ_BYTES);
      for (const row of rows) {
        const status = this.#statusOf(partition, row);
        if (status !== undefined) found.push(status);
        if (found.length >= limit) return found;
      }
      const last = rows.at(-1)?.record.offset;
      offset = last === undefined ? undefined : last + 1;
    }
    return found;
  }

  logs(): LogInfo[] {
    const { logStore, checkpoints, replicator } = this.#deps;
    return logStore.partitions.map((log, partition) => {
      const { origin, dedupWindowMs, dedupRecords, durability = 'sync' } = log;
      const checkpoint = checkpoints.newest(partition);
      return {
        origin,
        partition,
        size: logStore.durableSize(partition),
        firstOffset: logStore.firstOffset(partition),
        ...(checkpoint === undefined ? {} : { checkpoint }),
        dedupWindowMs,
        dedupRecords,
        durability,
        ackPolicy: replicator.ackPolicy,
        replicas: replicator.replicas,
      };
    });
  }

  inclusionProof(request: Parameters<Notary['inclusionProof']>[0]): Uint8Array[] {
    const { origin, index, size, algorithm } = request;
    return this.#deps.logStore.inclusion(this.#partition(origin), { index, size }, algorithm);
  }

  consistencyProof(request: Parameters<Notary['consistencyProof']>[0]): Uint8Array[] {
    const { origin, from, to, algorithm } = request;
    return this.#deps.logStore.consistency(this.#partition(origin), { from, to }, algorithm);
  }

  checkpoints(origin: string, signal: AbortSignal): AsyncIterable<{ size: number; note: string }> {
    return this.#watch.follow(this.#partition(origin), signal);
  }

  subscribeFinal(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor> {
    this.#partition(origin);
    return this.#receipts.finality().subscribe(origin, signal);
  }

  subscribeReceipts(ids: readonly bigint[], signal: AbortSignal): AsyncIterable<Receipt> {
    this.#receipts.finality();
    const statuses = ids.map((id) => {
      const status = this.status(id);
      if (status !== undefined) return status;
      throw notaryError('notary/not-found', `no log here has a record ${id}`, { data: { id } });
    });
    return this.#receipts.asFinal(statuses, signal);
  }

  async drain(): Promise<void> {
    await this.#submitter.idle();
    this.#finality?.stop();
  }

  #statusAt(partition: number, offset: number): RecordStatus | undefined {
    const row = this.#deps.logStore.read(partition, offset, 0)[0];
    return row === undefined ? undefined : this.#statusOf(partition, row);
  }

  #statusOf(partition: number, row: LogRow): RecordStatus | undefined {
    const { logStore, checkpoints } = this.#deps;
    const { offset } = row.record;
    const origin = logStore.partitions[partition]?.origin;
    // The log may hold records of other services; they are none of ours.
    if (origin === undefined || row.record.schemaId !== NOTARY_SCHEMA) {
      return undefined;
    }
    // It was removed since it was found; this is the next one that is kept.
    if (row.record.offset !== offset) return undefined;
    const value = decodeMultihash(row.value);
    if (!value.ok) return undefined;
    const signed = (checkpoints.newest(partition)?.size ?? 0) > offset;
    const final = this.#finality?.isFinal(origin, offset) === true;
    return {
      id: row.record.scarabId,
      origin,
      level: final ? 'final' : signed ? 'checkpoint' : 'durable',
      offset,
      epoch: row.record.epoch,
      timestamp: row.record.timestamp,
      algorithm: value.value.algorithm,
      digest: value.value.digest,
    };
  }

  #partition(origin: string): number {
    const partition = this.#deps.logStore.partitions.findIndex((p) => p.origin === origin);
    if (partition >= 0) return partition;
    throw notaryError('notary/unknown-log', `this node keeps no log ${origin}`, {
      data: { origin },
    });
  }

  #checkPackedRoom(): void {
    if (this.#packedInFlight < this.#packedInFlightMax) return;
    throw notaryError(
      'notary/overloaded',
      `${this.#packedInFlight} packed batches are on their way already; try again shortly`,
      { data: { queued: this.#packedInFlight } },
    );
  }
}
