/** Receipts: the best there is, the same one better, and as soon as it is final. */
import { equalBytes } from '../base/bytes.ts';
import type { CheckpointFeed } from '../consensus/index.ts';
import { parseCheckpointBody, parseNote, type Receipt } from '../receipt/index.ts';
import type { LogStore } from '../storage/index.ts';
import { receiptOf } from './answer.ts';
import { fromReplicator, notaryError, outcomeUnknown } from './errors.ts';
import { type FinalEvidence, type Finality, rootOf } from './finality.ts';
import type { ReceiptOptions, RecordStatus } from './types.ts';

export interface ReceiptsDeps {
  readonly logStore: LogStore;
  readonly checkpoints: CheckpointFeed;
  /** Undefined on a node without a chain. */
  readonly finality: Finality | undefined;
  readonly status: (id: bigint) => RecordStatus | undefined;
}

const NEVER = new AbortController().signal;

export class Receipts {
  readonly #deps: ReceiptsDeps;

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps;
  }

  /** As {@link best}, for one who waits: told at once when the wait would be in vain. Throws `notary/not-anchored`. */
  async wanted(id: bigint, options: ReceiptOptions): Promise<Receipt | undefined> {
    options.signal?.throwIfAborted();
    const status = this.#deps.status(id);
    if (options.waitFor === 'final' && status !== undefined) {
      await this.finality().checkHope(status.origin, status.offset);
    }
    return await this.best(id, options);
  }

  /** N8. */
  async best(id: bigint, options: ReceiptOptions): Promise<Receipt | undefined> {
    const { waitFor, signal } = options;
    signal?.throwIfAborted();
    if (waitFor === 'final') this.finality();
    const status = this.#deps.status(id);
    if (status === undefined) return undefined;
    const final = await this.#final(status, options);
    if (final !== undefined) return receiptWith(status, final);
    return await this.#signed(status, options);
  }

  /** N9. */
  async upgrade(
    receipt: Receipt,
    { waitFor = 'durable', byHistory = false, signal }: Partial<ReceiptOptions>,
  ): Promise<Receipt | undefined> {
    if (waitFor === 'final') this.finality();
    const status = this.#deps.status(receipt.record.scarabId);
    if (status === undefined || !isOf(receipt, status)) return undefined;
    if (receipt.finality !== undefined) {
      return byHistory ? await this.#byHistory(receipt) : receipt;
    }
    const wait = signal === undefined ? {} : { signal };
    const best = await this.wanted(status.id, { waitFor, byHistory, ...wait });
    if (best === undefined) return undefined;
    if (best.finality !== undefined) return withEarlierNote(best, receipt);
    // At one level never later: a checkpoint that it has already is as good as any.
    return receipt.checkpoint === undefined ? best : receipt;
  }

  /** N10: each as soon as it is final. `statuses` are of records here. */
  async *asFinal(statuses: readonly RecordStatus[], signal: AbortSignal): AsyncGenerator<Receipt> {
    const done: Receipt[] = [];
    let failure: { readonly error: unknown } | undefined;
    let wake: () => void = () => {};
    let waiting = statuses.length;
    for (const { id } of statuses) {
      this.best(id, { waitFor: 'final', signal })
        .then((receipt) => {
          if (receipt !== undefined) done.push(receipt);
        })
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          waiting--;
          wake();
        });
    }
    for (;;) {
      yield* done.splice(0);
      if (signal.aborted || (waiting === 0 && done.length === 0 && failure === undefined)) return;
      if (failure !== undefined) throw failure.error;
      if (done.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  /** Throws `chain/no-chain` where nothing becomes final. */
  finality(): Finality {
    const { finality } = this.#deps;
    if (finality !== undefined) return finality;
    throw notaryError(
      'chain/no-chain',
      'this node is on no chain, so nothing becomes final here; wait for checkpoint instead',
    );
  }

  async #final(
    { origin, offset }: RecordStatus,
    { waitFor, byHistory = false, signal }: ReceiptOptions,
  ): Promise<FinalEvidence | undefined> {
    const { finality, logStore } = this.#deps;
    if (finality === undefined) return undefined;
    if (waitFor === 'final') await finality.reached(origin, offset, signal ?? NEVER);
    const partition = logStore.partitions.findIndex((each) => each.origin === origin);
    return await finality.evidence(partition, offset, byHistory);
  }

  async #signed(status: RecordStatus, { waitFor, signal }: ReceiptOptions): Promise<Receipt> {
    const { logStore, checkpoints } = this.#deps;
    const { origin, offset: index } = status;
    const partition = logStore.partitions.findIndex((each) => each.origin === origin);
    const newest = checkpoints.newest(partition);
    let checkpoint = newest !== undefined && newest.size > index ? newest : undefined;
    if (checkpoint === undefined && waitFor !== 'durable') {
      checkpoint = await checkpoints.reached(partition, index + 1, signal).catch((error) => {
        throw signal?.aborted ? outcomeUnknown(error) : fromReplicator(error);
      });
    }
    if (checkpoint === undefined) return receiptOf(origin, status, undefined);
    const { size, note } = checkpoint;
    const path = logStore.inclusion(partition, { index, size }, 'blake3');
    return receiptOf(origin, status, { inclusion: { size, path }, checkpoint: note });
  }

  /** The same anchor and time, proved under a newer header (F5); as it was while there is none. */
  async #byHistory(receipt: Receipt): Promise<Receipt> {
    const { origin, inclusion } = receipt;
    if (inclusion === undefined || this.#deps.finality === undefined) return receipt;
    const proof = await this.#deps.finality.proof(origin, inclusion.size, true);
    return proof === undefined ? receipt : { ...receipt, finality: [proof] };
  }
}

function receiptWith(status: RecordStatus, evidence: FinalEvidence): Receipt {
  const { inclusion, checkpoint, proof } = evidence;
  return { ...receiptOf(status.origin, status, { inclusion, checkpoint }), finality: [proof] };
}

/** Whether the receipt is of this very record. */
function isOf({ origin, record }: Receipt, status: RecordStatus): boolean {
  return (
    origin === status.origin &&
    record.scarabId === status.id &&
    record.offset === status.offset &&
    record.epoch === status.epoch &&
    record.timestamp === status.timestamp &&
    record.algorithm === status.algorithm &&
    equalBytes(record.digest, status.digest)
  );
}

/** One tree may have been signed twice (C7); the chain's proof is of the tree, so the earlier note stays. */
function withEarlierNote(final: Receipt, old: Receipt): Receipt {
  if (old.checkpoint === undefined || final.checkpoint === undefined) return final;
  if (old.inclusion?.size !== final.inclusion?.size) return final;
  const [a, b] = [rootOf(old.checkpoint), rootOf(final.checkpoint)];
  if (a === undefined || b === undefined || !equalBytes(a, b)) return final;
  const earlier = timeOf(old.checkpoint) <= timeOf(final.checkpoint);
  return earlier ? { ...final, checkpoint: old.checkpoint } : final;
}

function timeOf(text: string): number {
  const note = parseNote(text);
  const body = note.ok ? parseCheckpointBody(note.value.body) : note;
  return body.ok ? body.value.time : Number.POSITIVE_INFINITY;
}
