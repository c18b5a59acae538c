/** From outcomes of a batch to what a caller is told, receipt included. */
import type { Replicated } from '../consensus/index.ts';
import { NOTARY_SCHEMA, type Receipt } from '../receipt/index.ts';
import { decodeOutcomes, decodePaths, type Outcome } from '../storage/index.ts';
import type { Level, Submission, SubmitOutcome, Submitted } from './types.ts';

/** Outcomes in the order of `submissions`. With paths in the answer, each success carries its receipt. */
export function outcomesOf(
  origin: string,
  submissions: readonly Submission[],
  answer: Replicated,
): SubmitOutcome[] {
  const { checkpoint, paths } = answer;
  const outcomes = decodeOutcomes(answer.outcomes, submissions.length);
  const level = checkpoint === undefined ? 'durable' : 'checkpoint';
  const unpacked = paths === undefined ? undefined : decodePaths(paths, submissions.length);
  return submissions.map((submission, i) => {
    const outcome = outcomes[i];
    if (outcome === undefined) throw new Error('invariant broken: an outcome a submission');
    const submitted = submittedOf(origin, outcome, level);
    if (outcome.status === 'conflict') {
      return { ok: false, code: 'notary/idempotency-conflict', holder: submitted };
    }
    const path = unpacked?.[i];
    if (checkpoint === undefined || path === undefined) return { ok: true, submitted };
    const inclusion = { size: checkpoint.size, path };
    const receipt = receiptOf(
      origin,
      { ...submitted, ...digestOf(submission) },
      {
        inclusion,
        checkpoint: checkpoint.note,
      },
    );
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
