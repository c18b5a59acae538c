/** Serves binary frames: of digests (rpc.md R8) with no object a record, of transactions (R9). */
import {
  type DigestFrame,
  decodeDigestFrame,
  decodeTransactionFrame,
  encodeErrorFrame,
  encodeOutcomeFrame,
  encodeTransactionOutcomes,
  isTransactionFrame,
  type TransactionFrame,
  type TransactionOutcome,
} from '../api/index.ts';
import type { Logger } from '../base/log.ts';
import type { Notary } from '../notary/index.ts';
import type { SubmittedTransaction } from './chain-access.ts';
import type { ChainSource } from './chain-parts.ts';
import { within } from './deadline.ts';
import type { Caller, CallObserver, Dispatcher } from './dispatch.ts';
import { errorObjectOf, internalError, rpcError } from './errors.ts';
import { refusalOf } from './refusal.ts';

/** Labels of frames among the methods in metrics. */
export const PACKED = 'packed';
export const PACKED_TRANSACTIONS = 'packed_transactions';

interface PackedDependencies {
  readonly notary: Notary;
  readonly chain: ChainSource;
  readonly dispatcher: Dispatcher;
  readonly observer: CallObserver;
  readonly logger: Logger;
  readonly callMsDefault: number;
}

/** Answers one binary message with one frame; never rejects. */
export async function servePacked(
  message: Uint8Array,
  caller: Pick<Caller, 'admit' | 'release'>,
  dependencies: PackedDependencies,
): Promise<Uint8Array> {
  const { observer, logger } = dependencies;
  const startedMs = performance.now();
  observer.started();
  const transactions = isTransactionFrame(message);
  const frame = transactions ? decodeTransactionFrame(message) : decodeDigestFrame(message);
  const label = transactions ? PACKED_TRANSACTIONS : PACKED;
  try {
    if ('kind' in frame) throw rpcError('rpc/bad-frame', frame.message);
    const answer = await admitted(caller, dependencies.dispatcher, () =>
      'digests' in frame
        ? submitDigests(frame, dependencies)
        : submitTransactions(frame, dependencies.chain),
    );
    observer.finished(label, startedMs, undefined);
    return answer;
  } catch (thrown) {
    const error = errorObjectOf(thrown) ?? internalError;
    if (error === internalError) logger.error({ err: thrown }, 'rpc frame failed unexpectedly');
    observer.finished(label, startedMs, error.data.reason);
    return encodeErrorFrame(frame.requestId, error);
  }
}

async function admitted<T>(
  caller: Pick<Caller, 'admit' | 'release'>,
  dispatcher: Dispatcher,
  work: () => Promise<T>,
): Promise<T> {
  caller.admit();
  try {
    dispatcher.enter();
    try {
      return await work();
    } finally {
      dispatcher.leave();
    }
  } finally {
    caller.release();
  }
}

async function submitDigests(
  { requestId, algorithm, submitter, digests, waitFor }: DigestFrame,
  { notary, callMsDefault }: PackedDependencies,
): Promise<Uint8Array> {
  const work = notary.submitPacked({ algorithm, submitter, digests }, { waitFor });
  const { outcomes, durability, checkpoint } = await within(callMsDefault, work);
  return encodeOutcomeFrame({ requestId, outcomes, durability, note: checkpoint?.note ?? '' });
}

/** R9. What is wrong with one transaction is its own outcome. */
async function submitTransactions(
  { requestId, transactions }: TransactionFrame,
  chain: ChainSource,
): Promise<Uint8Array> {
  const outcomes = await chain().submissions.submit(transactions);
  return encodeTransactionOutcomes(requestId, outcomes.map(packedOutcome));
}

const NO_ID = new Uint8Array(32);

function packedOutcome(outcome: SubmittedTransaction): TransactionOutcome {
  if (outcome.ok) return { code: 'taken', retryAfterMs: 0, id: outcome.id };
  const retryAfterMs = errorObjectOf(refusalOf(outcome))?.data.retryAfterMs ?? 0;
  return { code: outcome.code, retryAfterMs, id: NO_ID };
}
