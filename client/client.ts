// SPDX-License-Identifier: Apache-2.0
/** The client: calls in domain terms over one transport, repeated where that is safe. */
import {
  type Checkpoint,
  countFromWire,
  encodeDigestFrame,
  type LogInfo,
  logInfoFromWire,
  type MethodName,
  type MethodParams,
  type MethodResult,
  methods,
  pathFromWire,
  type RecordStatus,
  readErrorObject,
  receiptFromWire,
  receiptToWire,
  type Submitted,
  statusFromWire,
  submittedFromWire,
  type TreeAlgorithm,
} from '../api/index.ts';
import { toHex } from '../base/bytes.ts';
import type { DigestAlgorithm, Receipt } from '../receipt/index.ts';
import { ChainCalls } from './chain.ts';
import { clientError } from './errors.ts';
import { feedOf } from './feed.ts';
import { createHttpTransport } from './http-transport.ts';
import { read } from './read.ts';
import { defaultRetry, withRetry } from './retry.ts';
import type { Exchange, Transport } from './transport.ts';
import type {
  BatchOutcome,
  CallOptions,
  ChainClient,
  Client,
  ClientOptions,
  DigestSubmission,
  PackedAnswer,
  ReadOptions,
  ReceiptOptions,
  RetryOptions,
  SubmitOptions,
  VerifyAnswer,
} from './types.ts';
import { WebSocketTransport } from './websocket-transport.ts';

const ANSWER_MS_MAX = 60_000;
/** The node's own time-out goes first, so that its answer, which knows more, arrives: for so long after it. */
const LATE_MS_MAX = 3_000;

/** Connects on the first call. Throws `client/invalid-argument` on an address of another kind. */
export function createClient(options: ClientOptions): Client {
  return new NodeClient(transportOf(options), options);
}

function transportOf({ url, token }: ClientOptions): Transport {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return createHttpTransport(url, token);
  if (protocol !== 'ws:' && protocol !== 'wss:') {
    throw clientError('client/invalid-argument', `${url} is no http, https, ws or wss address`);
  }
  if (token === undefined) return new WebSocketTransport(url);
  throw clientError('client/invalid-argument', 'a token goes with an http or https address only');
}

class NodeClient implements Client {
  readonly #transport: Transport;
  readonly #submitter: { submitter?: string };
  readonly #retry: RetryOptions;
  readonly #answerMsMax: number;
  readonly #onCall: ClientOptions['onCall'];
  readonly chain: ChainClient;

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport;
    this.#submitter = options.submitter === undefined ? {} : { submitter: options.submitter };
    this.#retry = { ...defaultRetry, ...options.retry };
    this.#answerMsMax = options.answerMsMax ?? ANSWER_MS_MAX;
    this.#onCall = options.onCall;
    this.chain = new ChainCalls({
      call: (method, params, options) => this.call(method, params, options),
      transport,
      retry: this.#retry,
      exchange: (options) => this.#exchange(options),
    });
  }

  async call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options: CallOptions & { timeoutMs?: number } = {},
  ): Promise<MethodResult<M>> {
    const { signal, timeoutMs } = options;
    // All tries share one deadline: a call that is repeated waits no longer than one that is not.
    const until = performance.now() + (timeoutMs ?? this.#answerMsMax);
    const lateMs = timeoutMs === undefined ? 0 : Math.min(this.#answerMsMax, LATE_MS_MAX);
    const once = () => {
      const leftMs = Math.max(1, Math.ceil(until - performance.now()));
      const asked = 'timeoutMs' in params ? { ...params, timeoutMs: leftMs } : params;
      const exchange = { answerMsMax: leftMs + lateMs, ...(signal && { signal }) };
      return this.#transport.call(method, asked, exchange);
    };
    const ended = this.#onCall?.();
    try {
      const result = await (methods[method].idempotent
        ? withRetry(this.#retry, { signal, until }, once)
        : once());
      // The schema of the method, which the node keeps to; what is read further is checked where it is read.
      return result as MethodResult<M>;
    } finally {
      ended?.();
    }
  }

  async submit(submission: DigestSubmission, options: SubmitOptions = {}): Promise<Submitted> {
    const params = { ...submissionToWire(submission), ...this.#submitter, ...waitOf(options) };
    return read(submittedFromWire(await this.call('notary_submit', params, options)));
  }

  async submitBatch(
    submissions: readonly DigestSubmission[],
    options: SubmitOptions = {},
  ): Promise<BatchOutcome[]> {
    const params = {
      submissions: submissions.map(submissionToWire),
      ...this.#submitter,
      ...waitOf(options),
    };
    const { results } = await this.call('notary_submitBatch', params, options);
    if (results.length !== submissions.length) {
      throw clientError('client/bad-answer', 'the node gave another number of outcomes');
    }
    return results.map((result) =>
      'error' in result
        ? { ok: false, error: readErrorObject(result.error) }
        : { ok: true, submitted: read(submittedFromWire(result)) },
    );
  }

  async submitPacked(
    batch: { readonly algorithm: DigestAlgorithm; readonly digests: Uint8Array },
    options: SubmitOptions = {},
  ): Promise<PackedAnswer> {
    const send = this.#transport.frame;
    if (send === undefined) {
      throw clientError('client/websocket-needed', 'packed digests need a ws: or wss: address');
    }
    const frame = {
      ...batch,
      submitter: this.#submitter.submitter ?? '',
      waitFor: options.waitFor ?? 'durable',
    };
    const encode = (requestId: number) => encodeFrame({ ...frame, requestId });
    const answer = await withRetry(this.#retry, { signal: options.signal }, () =>
      send(encode, this.#exchange(options)),
    );
    if (answer.kind === 'outcomes') {
      const { outcomes, durability, note } = answer;
      return { outcomes, durability, note };
    }
    throw clientError('client/bad-answer', 'the node answered with a frame of another kind');
  }

  async status(id: bigint, options: ReadOptions = {}): Promise<RecordStatus> {
    const params = { id: id.toString(), ...readingOf(options) };
    return read(statusFromWire(await this.call('notary_status', params, options)));
  }

  async receipt(id: bigint, options: ReceiptOptions = {}): Promise<Receipt> {
    const params = { id: id.toString(), ...waitOf(options), ...readingOf(options) };
    return read(receiptFromWire(await this.call('notary_receipt', params, options)));
  }

  async upgradeReceipt(receipt: Receipt, options: ReceiptOptions = {}): Promise<Receipt> {
    const params = { receipt: receiptToWire(receipt), ...waitOf(options) };
    return read(receiptFromWire(await this.call('notary_upgradeReceipt', params, options)));
  }

  async search(
    query: { algorithm: DigestAlgorithm; digest: Uint8Array; limit?: number },
    options: ReadOptions = {},
  ): Promise<RecordStatus[]> {
    const params = { ...query, digest: toHex(query.digest), ...readingOf(options) };
    const { records } = await this.call('notary_search', params, options);
    return records.map((record) => read(statusFromWire(record)));
  }

  async since(
    query: { origin: string; time: number; limit?: number },
    options: ReadOptions = {},
  ): Promise<RecordStatus[]> {
    const params = { ...query, time: query.time.toString(), ...readingOf(options) };
    const { records } = await this.call('notary_since', params, options);
    return records.map((record) => read(statusFromWire(record)));
  }

  verify(receipt: Receipt, digest?: Uint8Array, options: CallOptions = {}): Promise<VerifyAnswer> {
    const given = digest === undefined ? {} : { digest: toHex(digest) };
    return this.call('notary_verify', { receipt: receiptToWire(receipt), ...given }, options);
  }

  info(options: CallOptions = {}): Promise<MethodResult<'notary_info'>> {
    return this.call('notary_info', {}, options);
  }

  async logs(origin?: string, options: ReadOptions = {}): Promise<LogInfo[]> {
    const params = { ...(origin === undefined ? {} : { origin }), ...readingOf(options) };
    const { logs } = await this.call('log_info', params, options);
    return logs.map((log) => read(logInfoFromWire(log)));
  }

  async inclusionProof(
    request: { origin: string; index: number; size: number; algorithm?: TreeAlgorithm },
    options: CallOptions = {},
  ): Promise<Uint8Array[]> {
    const { index, size } = request;
    const params = { ...request, index: index.toString(), size: size.toString() };
    return read(pathFromWire(await this.call('log_inclusionProof', params, options)));
  }

  async consistencyProof(
    request: { origin: string; from: number; to: number; algorithm?: TreeAlgorithm },
    options: CallOptions = {},
  ): Promise<Uint8Array[]> {
    const params = { ...request, from: request.from.toString(), to: request.to.toString() };
    return read(pathFromWire(await this.call('log_consistencyProof', params, options)));
  }

  async checkpoint(
    origin: string,
    algorithm?: TreeAlgorithm,
    options: CallOptions = {},
  ): Promise<string> {
    const params = algorithm === undefined ? { origin } : { origin, algorithm };
    return (await this.call('log_checkpoint', params, options)).note;
  }

  subscribeCheckpoints(origin: string, options: CallOptions = {}): AsyncIterable<Checkpoint> {
    const request = {
      method: 'notary_subscribe',
      params: { topic: 'checkpoints', origin },
      read: readCheckpoint,
      keep: 'newest',
    } as const;
    return feedOf(this.#transport, request, this.#exchange(options));
  }

  subscribeFinal(ids: readonly bigint[], options: CallOptions = {}): AsyncIterable<Receipt> {
    const request = {
      method: 'notary_subscribeFinal',
      params: { ids: ids.map(String) },
      read: (wire: unknown) => read(receiptFromWire(wire)),
      keep: 'all',
    } as const;
    return feedOf(this.#transport, request, this.#exchange(options));
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Of frames and subscriptions, which have no time-out of their own. */
  #exchange({ signal }: CallOptions): Exchange {
    const answerMsMax = this.#answerMsMax;
    return signal === undefined ? { answerMsMax } : { answerMsMax, signal };
  }
}

function readingOf({ read: how, maxStalenessMs }: ReadOptions) {
  return {
    ...(how === undefined ? {} : { read: how }),
    ...(maxStalenessMs === undefined ? {} : { maxStalenessMs }),
  };
}

/** A batch that no frame can carry is the caller's mistake, and no reason to try again. */
function encodeFrame(frame: Parameters<typeof encodeDigestFrame>[0]): Uint8Array {
  try {
    return encodeDigestFrame(frame);
  } catch (cause) {
    const why = cause instanceof RangeError ? cause.message : 'the batch cannot be sent';
    throw clientError('client/invalid-argument', why, cause);
  }
}

function submissionToWire({ algorithm, digest, idempotencyKey }: DigestSubmission) {
  const wire = { algorithm, digest: toHex(digest) };
  return idempotencyKey === undefined ? wire : { ...wire, idempotencyKey };
}

function readCheckpoint(wire: unknown): Checkpoint {
  const { size, note } =
    typeof wire === 'object' && wire !== null ? { size: '', note: '', ...wire } : {};
  if (typeof size !== 'string' || typeof note !== 'string') {
    throw clientError('client/bad-answer', 'the node sent a checkpoint that cannot be read');
  }
  return { size: read(countFromWire(size, 'size')), note };
}

function waitOf<L>({ waitFor, timeoutMs }: { waitFor?: L; timeoutMs?: number }): {
  waitFor?: L;
  timeoutMs?: number;
} {
  return {
    ...(waitFor === undefined ? {} : { waitFor }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
