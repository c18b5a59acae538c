/**
 * The notary: from a digest to a receipt (docs/spec/notary.md).
 *
 * ```ts
 * const notary = createNotary({ replicator, checkpoints: replicator, logStore, clock });
 * const [outcome] = await notary.submit([{ algorithm: 'sha256', digest, submitter: '' }], { waitFor: 'checkpoint' });
 * if (outcome?.ok) save(outcome.submitted.receipt);
 * ```
 *
 * Thousands of such calls a turn of the event loop become one packed batch; `submitPacked` takes batches that are packed already.
 */
export { NOTARY_ERROR_CODES, type NotaryError, type NotaryErrorCode } from './errors.ts';
export {
  createNotary,
  type NotaryDeps,
  type NotaryOptions,
  type NotaryService,
} from './notary.ts';
export type {
  FinalAnchor,
  FinalAnchors,
  Level,
  LogInfo,
  Notary,
  PackedEvidence,
  PackedSubmitted,
  ReceiptOptions,
  RecordStatus,
  Submission,
  SubmitCallOptions,
  SubmitOptions,
  SubmitOutcome,
  Submitted,
} from './types.ts';
