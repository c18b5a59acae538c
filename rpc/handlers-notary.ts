/** The notary's methods (notary.md), from the wire to the service and back. */
import {
  countFromWire,
  digestFromWire,
  idFromWire,
  logInfoToWire,
  type MethodName,
  type MethodParams,
  type MethodResult,
  Misread,
  nameFromWire,
  receiptFromWire,
  receiptToWire,
  statusToWire,
  submittedToWire,
} from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';
import type {
  Notary,
  ReceiptOptions,
  Submission,
  SubmitCallOptions,
  SubmitOptions,
  SubmitOutcome,
} from '../notary/index.ts';
import { type DigestAlgorithm, parseTrustStore, verifyReceipt } from '../receipt/index.ts';
import { cancelAfter, within } from './deadline.ts';
import type { Caller } from './dispatch.ts';
import { errorObjectOf, internalError, type KnownErrorCode, rpcError } from './errors.ts';
import { mapped } from './mapped.ts';
import { reach } from './reading.ts';
import { type Handlers, need } from './serve.ts';
import { SubmittedJson } from './submitted-json.ts';
import { subscriberOf } from './subscriptions.ts';
import type { NodeInfo, RpcDependencies, RpcLimits } from './types.ts';
import { Written } from './written.ts';

type NotaryMethod = Extract<MethodName, `notary_${string}`>;

const SEARCH_LIMIT_DEFAULT = 100;

const DURABLE: SubmitOptions = { waitFor: 'durable' };
const CHECKPOINT: SubmitCallOptions = { waitFor: 'checkpoint', evidence: 'packed' };

export function notaryHandlers(
  { notary, info, cluster }: RpcDependencies,
  limits: RpcLimits,
): Handlers<NotaryMethod> {
  const submit = submitter(notary, limits.callMsDefault);
  const writer = new SubmittedJson();
  return {
    notary_submit: async (params) => {
      const submission = submissionOf(params, params.submitter);
      const [outcome] = await submit([submission], params);
      if (outcome === undefined) throw new Error('the notary gave no outcome for a submission');
      if (!outcome.ok) throw conflict(outcome);
      const { submitted, evidence } = outcome;
      if (evidence === undefined) return submittedToWire(submitted);
      return new Written(writer.write(submitted, submission, evidence));
    },
    notary_submitBatch: async (params) => {
      const submissions = params.submissions.map((one) => submissionOf(one, params.submitter));
      const outcomes = await submit(submissions, params);
      if (params.waitFor !== 'checkpoint') return { results: outcomes.map(outcomeToWire) };
      const results = outcomes.map((outcome, i) => outcomeJson(outcome, submissions[i], writer));
      return new Written(`{"results":[${results.join(',')}]}`);
    },
    notary_status: async ({ id, ...reading }) => {
      const known = need(idFromWire(id));
      const staleness = await reach(cluster, undefined, reading);
      const status = notary.status(known);
      if (status === undefined) throw notFound(id);
      return { ...statusToWire(status), ...staleness };
    },
    notary_receipt: async (params, caller) => {
      const id = need(idFromWire(params.id));
      const wait = { ...waitOf(params, limits), caller };
      await reach(cluster, undefined, params);
      const receipt = await waited(wait, (options) => notary.receipt(id, options));
      if (receipt === undefined) throw notFound(params.id);
      return receiptToWire(receipt);
    },
    notary_upgradeReceipt: async (params, caller) => {
      const old = need(receiptFromWire(params.receipt));
      const wait = { ...waitOf(params, limits), caller };
      const now = await waited(wait, (options) => notary.upgrade(old, options));
      if (now === undefined) throw notFound(old.record.scarabId.toString());
      return receiptToWire(now);
    },
    notary_search: async ({ algorithm, digest, limit, ...reading }) => {
      const bytes = need(digestFromWire(algorithm, digest));
      const staleness = await reach(cluster, undefined, reading);
      const found = notary.search(algorithm, bytes, limit ?? SEARCH_LIMIT_DEFAULT);
      return { records: found.map(statusToWire), ...staleness };
    },
    notary_since: async ({ origin, time, limit = SEARCH_LIMIT_DEFAULT, ...reading }) => {
      const ms = need(countFromWire(time, 'time'));
      const staleness = await reach(cluster, origin, reading);
      return { records: notary.since(origin, ms, limit).map(statusToWire), ...staleness };
    },
    notary_verify: (params) => verify(params, info()),
    notary_info: () => infoToWire(notary, info()),
    notary_subscribe: ({ origin }, caller) => {
      const subscriber = subscriberOf(caller);
      if (!notary.logs().some((log) => log.origin === origin)) {
        throw rpcError('notary/unknown-log', 'this node keeps no log of that origin; see log_info');
      }
      return subscriber.subscribe('notary_subscription', (signal) =>
        mapped(notary.checkpoints(origin, signal), checkpointToWire),
      );
    },
    notary_subscribeFinal: (params, caller) => {
      const ids = params.ids.map((text) => need(idFromWire(text)));
      return subscriberOf(caller).subscribe('notary_subscription', (signal) =>
        mapped(notary.subscribeReceipts(ids, signal), receiptToWire),
      );
    },
    notary_unsubscribe: ({ subscription }, caller) =>
      subscriberOf(caller).unsubscribe(subscription),
  };
}

interface Wait<L extends string = 'durable' | 'checkpoint'> {
  readonly waitFor?: L;
  readonly timeoutMs?: number;
}

/**
 * Submits, and bounds the wait. Without `timeoutMs`, the hot path, nothing is cancelled: an entry on its way cannot be
 * called back, and a signal a call would cost more than the call.
 */
function submitter(notary: Notary, callMsDefault: number) {
  return (
    submissions: readonly Submission[],
    { waitFor, timeoutMs }: Wait,
  ): Promise<SubmitOutcome[]> => {
    const options = waitFor === 'checkpoint' ? CHECKPOINT : DURABLE;
    if (timeoutMs === undefined) return within(callMsDefault, notary.submit(submissions, options));
    return cancelAfter(timeoutMs, undefined, (signal) =>
      notary.submit(submissions, { ...options, signal }),
    );
  };
}

function waitOf({ waitFor, timeoutMs }: Wait<ReceiptOptions['waitFor']>, limits: RpcLimits) {
  return { waitFor: waitFor ?? 'durable', ms: timeoutMs ?? limits.callMsDefault } as const;
}

function waited<T>(
  { waitFor, ms, caller }: ReturnType<typeof waitOf> & { caller: Caller },
  work: (options: ReceiptOptions) => Promise<T>,
): Promise<T> {
  return cancelAfter(ms, caller.signal, (signal) => work({ waitFor, signal }));
}

function checkpointToWire({ size, note }: { size: number; note: string }) {
  return { size: size.toString(), note };
}

function submissionOf(
  wire: { algorithm: DigestAlgorithm; digest: string; idempotencyKey?: string },
  submitter: string | undefined,
): Submission {
  const digest = need(digestFromWire(wire.algorithm, wire.digest));
  const scope = submitter === undefined ? '' : need(nameFromWire(submitter, 'submitter'));
  const submission = { algorithm: wire.algorithm, digest, submitter: scope };
  if (wire.idempotencyKey === undefined) return submission;
  const idempotencyKey = need(nameFromWire(wire.idempotencyKey, 'idempotencyKey'));
  return { ...submission, idempotencyKey };
}

function outcomeToWire(
  outcome: SubmitOutcome,
): MethodResult<'notary_submitBatch'>['results'][number] {
  if (outcome.ok) return submittedToWire(outcome.submitted);
  return { error: errorObjectOf(conflict(outcome)) ?? internalError };
}

function outcomeJson(
  outcome: SubmitOutcome,
  submission: Submission | undefined,
  writer: SubmittedJson,
): string {
  if (!outcome.ok || outcome.evidence === undefined || submission === undefined) {
    return JSON.stringify(outcomeToWire(outcome));
  }
  return writer.write(outcome.submitted, submission, outcome.evidence);
}

/** Names the record that holds the key, so that the caller can look at it. */
function conflict(outcome: Extract<SubmitOutcome, { ok: false }>): PyralogError<KnownErrorCode> {
  const { id, offset, origin } = outcome.holder;
  return new PyralogError(
    outcome.code,
    'this idempotency key already belongs to another digest: use a new key, or look at the record it belongs to',
    { data: { id, offset: String(offset), origin } },
  );
}

function verify(
  params: MethodParams<'notary_verify'>,
  info: NodeInfo,
): MethodResult<'notary_verify'> {
  const receipt = receiptFromWire(params.receipt);
  if (receipt instanceof Misread) {
    return { verified: false, reason: receipt.code, message: receipt.message };
  }
  const { algorithm, digest: own } = receipt.record;
  const digest = params.digest === undefined ? own : need(digestFromWire(algorithm, params.digest));
  const verdict = verifyReceipt(receipt, digest, ownTrust(info));
  if (!verdict.ok) return { verified: false, reason: verdict.code, message: verdict.message };
  const { level, origin, final } = verdict;
  const proved = {
    verified: true,
    level,
    origin,
    ...(final === undefined
      ? {}
      : { noLaterThan: final.noLaterThan.toString(), height: final.height.toString() }),
  };
  if (verdict.basis === 'chain') return proved;
  return {
    ...proved,
    claimedTime: verdict.claimedTime.toString(),
    threshold: verdict.threshold,
    keys: verdict.keys,
    coversLiars: verdict.coversLiars,
    signers: verdict.signers.map(({ name, keyId, timeSeconds }) => ({
      name,
      keyId,
      time: timeSeconds.toString(),
    })),
  };
}

/** The node's policies as a trust store: what it says of itself in `notary_info`. */
function ownTrust(info: NodeInfo) {
  const text = JSON.stringify({ pyralog: 'trust', version: 1, policies: info.policies });
  const parsed = parseTrustStore(text);
  if (!parsed.ok) throw new Error(`the node's own policies are no trust store: ${parsed.message}`);
  const { chain } = info;
  return chain === undefined ? parsed.value : { ...parsed.value, chains: [chain] };
}

function infoToWire(notary: Notary, info: NodeInfo): MethodResult<'notary_info'> {
  return {
    networkId: info.networkId,
    version: info.version,
    logs: notary.logs().map(logInfoToWire),
    policies: info.policies.map((policy) => ({ ...policy, keys: [...policy.keys] })),
  };
}

function notFound(id: string): PyralogError {
  return rpcError('notary/not-found', 'this node has no such record', { id });
}
