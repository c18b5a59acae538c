/** A notary in memory: one log, answers at once or when told to. For tests of what sits on top of a notary. */
import { methods } from '../../api/index.ts';
import { PyralogError } from '../../base/errors.ts';
import type {
  FinalAnchor,
  LogInfo,
  Notary,
  PackedSubmitted,
  ReceiptOptions,
  RecordStatus,
  Submission,
  SubmitOptions,
  SubmitOutcome,
  Submitted,
} from '../../notary/types.ts';
import { type DigestAlgorithm, digestBytes, type Receipt } from '../../receipt/index.ts';

/** A signed note that a reader accepts. */
const NOTE: string = methods.log_checkpoint.example.result.note;
export const ORIGIN = 'pyralog/devnet-00112233aabbccdd/local/notary/0';

const OUTCOME_BYTES = 40;

interface Kept extends RecordStatus {
  readonly scope: string;
}

export class FakeNotary implements Notary {
  readonly records: Kept[] = [];
  /** Without one nothing becomes final. */
  hasChain = false;
  /** Ids that are final. */
  readonly final = new Set<bigint>();
  /** Number of `submit` and `submitPacked` calls. */
  calls = 0;
  /** While set, submissions and receipts wait for it. */
  gate: Promise<void> | undefined;
  /** Thrown by the next `submit`. */
  failure: unknown;
  /** Feeds every subscription; each gets what is pushed after it began, and the newest before. */
  readonly #checkpoints: { size: number; note: string }[] = [];
  #wake: (() => void)[] = [];
  /** Subscriptions that have not ended. */
  subscriptions = 0;

  async submit(
    submissions: readonly Submission[],
    options: SubmitOptions,
  ): Promise<SubmitOutcome[]> {
    this.calls++;
    if (this.failure !== undefined) {
      const failure = this.failure;
      this.failure = undefined;
      throw failure;
    }
    if (this.gate !== undefined) await settle(this.gate, options.signal);
    return submissions.map((submission) => this.#keep(submission, options.waitFor));
  }

  async submitPacked(
    batch: { algorithm: DigestAlgorithm; submitter: string; digests: Uint8Array },
    options: SubmitOptions,
  ): Promise<PackedSubmitted> {
    this.calls++;
    if (this.gate !== undefined) await settle(this.gate, options.signal);
    const width = digestBytes(batch.algorithm);
    const count = batch.digests.length / width;
    const outcomes = new Uint8Array(count * OUTCOME_BYTES);
    const view = new DataView(outcomes.buffer);
    for (let i = 0; i < count; i++) {
      const digest = batch.digests.slice(i * width, (i + 1) * width);
      const { algorithm, submitter } = batch;
      const outcome = this.#keep({ algorithm, submitter, digest }, options.waitFor);
      const kept = outcome.ok ? outcome.submitted : outcome.holder;
      view.setUint8(i * OUTCOME_BYTES, outcome.ok ? Number(kept.duplicate) : 2);
      view.setUint32(i * OUTCOME_BYTES + 4, kept.epoch, true);
      view.setBigUint64(i * OUTCOME_BYTES + 8, BigInt(kept.offset), true);
      view.setBigUint64(i * OUTCOME_BYTES + 16, kept.id, true);
      view.setBigUint64(i * OUTCOME_BYTES + 24, BigInt(kept.timestamp), true);
    }
    const durability = 'durable';
    if (options.waitFor === 'durable') return { outcomes, durability };
    return { outcomes, durability, checkpoint: { size: this.records.length, note: 'note\n' } };
  }

  status(id: bigint): RecordStatus | undefined {
    return this.records.find((record) => record.id === id);
  }

  async receipt(id: bigint, options: ReceiptOptions): Promise<Receipt | undefined> {
    if (this.gate !== undefined && options.waitFor !== 'durable') {
      await settle(this.gate, options.signal);
    }
    const record = this.records.find((one) => one.id === id);
    if (record === undefined) return undefined;
    if (options.waitFor === 'final') {
      this.#needChain();
      this.final.add(id);
    }
    return this.final.has(id) ? finalOf(record) : receiptOf(record);
  }

  async upgrade(receipt: Receipt, options: Partial<ReceiptOptions> = {}) {
    const { scarabId, offset, digest } = receipt.record;
    const held = this.records[offset];
    if (held?.id !== scarabId || !equal(held.digest, digest)) return undefined;
    return this.receipt(scarabId, { waitFor: 'durable', ...options });
  }

  async *subscribeFinal(_origin: string, signal: AbortSignal): AsyncGenerator<FinalAnchor> {
    this.#needChain();
    if (!signal.aborted) yield { origin: ORIGIN, size: 1, note: 'note\n', height: 1, time: 1 };
  }

  async *subscribeReceipts(ids: readonly bigint[], signal: AbortSignal): AsyncGenerator<Receipt> {
    this.#needChain();
    for (const id of ids) {
      const receipt = await this.receipt(id, { waitFor: 'final', signal });
      if (receipt === undefined) throw new PyralogError('notary/not-found', `no record ${id}`);
      yield receipt;
    }
  }

  #needChain(): void {
    if (!this.hasChain) throw new PyralogError('chain/no-chain', 'this notary is on no chain');
  }

  search(algorithm: DigestAlgorithm, digest: Uint8Array, limit: number): RecordStatus[] {
    return this.records
      .filter((record) => record.algorithm === algorithm && equal(record.digest, digest))
      .slice(0, limit);
  }

  since(origin: string, ms: number, limit: number): RecordStatus[] {
    const found = (record: RecordStatus) => record.origin === origin && record.timestamp >= ms;
    return this.records.filter(found).slice(0, limit);
  }

  logs(): LogInfo[] {
    const newest = this.#checkpoints.at(-1);
    return [
      {
        origin: ORIGIN,
        partition: 0,
        size: this.records.length,
        firstOffset: 0,
        ...(newest === undefined ? {} : { checkpoint: newest }),
        dedupWindowMs: 86_400_000,
        dedupRecords: 2_097_152,
        durability: 'sync',
        ackPolicy: 'majority',
        replicas: 1,
      },
    ];
  }

  inclusionProof(): Uint8Array[] {
    return [new Uint8Array(32).fill(7)];
  }

  consistencyProof(): Uint8Array[] {
    return [new Uint8Array(32).fill(9)];
  }

  async *checkpoints(
    _origin: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ size: number; note: string }> {
    this.subscriptions++;
    const onAbort = () => this.#wakeAll();
    signal.addEventListener('abort', onAbort);
    try {
      let next = Math.max(0, this.#checkpoints.length - 1);
      while (!signal.aborted) {
        const checkpoint = this.#checkpoints[next];
        if (checkpoint === undefined) {
          await new Promise<void>((resolve) => this.#wake.push(resolve));
        } else {
          next++;
          yield checkpoint;
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.subscriptions--;
    }
  }

  /** Signs a checkpoint, as far as anyone here can tell. */
  pushCheckpoint(size: number, note = `checkpoint ${size}\n`): void {
    this.#checkpoints.push({ size, note });
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #keep(submission: Submission, waitFor: 'durable' | 'checkpoint'): SubmitOutcome {
    const { algorithm, digest, submitter, idempotencyKey } = submission;
    const content = `${algorithm} ${digest.join()}`;
    const scope = `${submitter} ${idempotencyKey === undefined ? `content ${content}` : `key ${idempotencyKey}`}`;
    const held = this.records.find((record) => record.scope === scope);
    if (held !== undefined && (held.algorithm !== algorithm || !equal(held.digest, digest))) {
      return {
        ok: false,
        code: 'notary/idempotency-conflict',
        holder: submittedOf(held, true, 'durable'),
      };
    }
    if (held !== undefined) return { ok: true, submitted: submittedOf(held, true, waitFor) };
    const kept: Kept = {
      id: 234_881_024_000n + BigInt(this.records.length),
      origin: ORIGIN,
      level: 'durable',
      offset: this.records.length,
      epoch: 1,
      timestamp: 1_790_000_000_000 + this.records.length,
      algorithm,
      digest: Uint8Array.from(digest),
      scope,
    };
    this.records.push(kept);
    return { ok: true, submitted: submittedOf(kept, false, waitFor) };
  }
}

function submittedOf(record: Kept, duplicate: boolean, waitFor: string): Submitted {
  const { id, origin, level, epoch, offset, timestamp } = record;
  const submitted = { id, origin, level, duplicate, epoch, offset, timestamp };
  return waitFor === 'checkpoint' ? { ...submitted, receipt: receiptOf(record) } : submitted;
}

function receiptOf(record: Kept): Receipt {
  const { origin, timestamp, id: scarabId, offset, epoch, algorithm, digest } = record;
  return {
    origin,
    record: { timestamp, scarabId, offset, epoch, schemaId: 1, algorithm, digest },
  };
}

function finalOf(record: Kept): Receipt {
  const proof = { kind: 'pos', scheme: 1, proof: Uint8Array.of(0x87) } as const;
  return {
    ...receiptOf(record),
    inclusion: { size: record.offset + 1, path: [] },
    checkpoint: NOTE,
    finality: [proof],
  };
}

function settle(gate: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return gate;
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    gate.then(resolve, reject);
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
