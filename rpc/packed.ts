/** Serves binary frames (rpc.md R8): no object and no line of JavaScript a record. */
import {
  type DigestFrame,
  decodeDigestFrame,
  encodeErrorFrame,
  encodeOutcomeFrame,
} from '../api/index.ts';
import type { Logger } from '../base/log.ts';
import type { Notary } from '../notary/index.ts';
import { within } from './deadline.ts';
import type { Caller, CallObserver, Dispatcher } from './dispatch.ts';
import { errorObjectOf, internalError, rpcError } from './errors.ts';

/** Label of frames among the methods in metrics. */
export const PACKED = 'packed';

interface PackedDependencies {
  readonly notary: Notary;
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
  const frame = decodeDigestFrame(message);
  try {
    if ('kind' in frame) throw rpcError('rpc/bad-frame', frame.message);
    const answer = await submitFrame(frame, caller, dependencies);
    observer.finished(PACKED, startedMs, undefined);
    return answer;
  } catch (thrown) {
    const error = errorObjectOf(thrown) ?? internalError;
    if (error === internalError) logger.error({ err: thrown }, 'rpc frame failed unexpectedly');
    observer.finished(PACKED, startedMs, error.data.reason);
    return encodeErrorFrame(frame.requestId, error);
  }
}

async function submitFrame(
  frame: DigestFrame,
  caller: Pick<Caller, 'admit' | 'release'>,
  { notary, dispatcher, callMsDefault }: PackedDependencies,
): Promise<Uint8Array> {
  const { requestId, algorithm, submitter, digests, waitFor } = frame;
  caller.admit();
  try {
    dispatcher.enter();
    try {
      const work = notary.submitPacked({ algorithm, submitter, digests }, { waitFor });
      const { outcomes, checkpoint } = await within(callMsDefault, work);
      return encodeOutcomeFrame(requestId, outcomes, checkpoint?.note ?? '');
    } finally {
      dispatcher.leave();
    }
  } finally {
    caller.release();
  }
}
