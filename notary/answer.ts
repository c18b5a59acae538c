/** From outcomes of a batch to what a caller is told, receipt included. */
import type { Replicated } from '../consensus/index.ts';
import { NOTARY_SCHEMA, type Receipt } from '../receipt/index.ts';
import { decodeOutcomes, type Outcome, separatePaths, splitHashes } from '../storage/index.ts';
import type { Level, Submission, SubmitOutcome, Submitted } from './types.ts';

/** A submission as far as its answer needs it. */
interface Answered {
  readonly submission: Submission;
  /** Leave the evidence packed; see {@link SubmitOutcome}. */
  readonly packed: boolean;
}

/** Outcomes in the order of `items`. With paths in the answer, each success carries its receipt, or what makes it. */
export function outcomesOf(
  origin: string,
  items: readonly Answered[],
  answer: Replicated,
): SubmitOutcome[] {
  const { checkpoint, paths } = answer;
  const outcomes = decodeOutcomes(answer.outcomes, items.length);
  const level = checkpoint === undefined ? answer.durability : 'checkpoint';
  const separate = paths === undefined ? undefined : separatePaths(paths, items.length);
  return items.map(({ submission, packed }, i) => {
    const outcome = outcomes[i];
    if (outcome === undefined) throw new Error('invariant broken: an outcome a submission');
    const submitted = submittedOf(origin, outcome, level);
    if (outcome.status === 'conflict') {
      return { ok: false, code: 'notary/idempotency-conflict', holder: submitted };
    }
    const path = separate?.[i];
    if (checkpoint === undefined || path === undefined) return { ok: true, submitted };
    if (packed) return { ok: true, submitted, evidence: { path, checkpoint } };
    const record = { ...submitted, ...digestOf(submission) };
    const inclusion = { size: checkpoint.size, path: splitHashes(path) };
    const receipt = receiptOf(origin, record, { inclusion, checkpoint: checkpoint.note });
    return { ok: true, submitted: { ...submitted, receipt } };
  });
}

/** A receipt of a notary record; below `checkpoint` without evidence (receipt.md V1). */
export function receiptOf(
  origin: string,
  record: Pick<Submitted, 'id' | 'offset' | 'epoch' | 'timestamp'> &
    Pick<Submission, 'algorithm' | 'digest'>,
  evidence: Required<Pick<Receipt, 'inclusion' | 'checkpoint'>> | undefined,
): Receipt {
  const { id, timestamp, offset, epoch, algorithm, digest } = record;
  return {
    origin,
    record: { timestamp, scarabId: id, offset, epoch, schemaId: NOTARY_SCHEMA, algorithm, digest },
    ...evidence,
  };
}

function submittedOf(origin: string, outcome: Outcome, level: Level): Submitted {
  const { id, epoch, offset, timestamp, status } = outcome;
  return { id, origin, level, duplicate: status === 'duplicate', epoch, offset, timestamp };
}

function digestOf({ algorithm, digest }: Submission): Pick<Submission, 'algorithm' | 'digest'> {
  return { algorithm, digest };
}
