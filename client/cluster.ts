// SPDX-License-Identifier: Apache-2.0
/** A client of a cluster: goes to whoever leads, repeats what fails elsewhere, believes pinned keys only. */
import { blake3 } from '@noble/hashes/blake3.js';
import type { MethodName, MethodParams, MethodResult, Submitted } from '../api/index.ts';
import { equalBytes, toUtf8 } from '../base/bytes.ts';
import { type Receipt, type TrustStore, verifyReceipt } from '../receipt/index.ts';
import { createClient } from './client.ts';
import { asRpcError, endsCall, isOpen, outcomeUnknown, untrusted } from './cluster-errors.ts';
import { NO_MAP, readMap } from './cluster-map.ts';
import { ClusterNodes, type KnownNode } from './cluster-nodes.ts';
import type {
  ClusterCallOptions,
  ClusterClient,
  ClusterClientOptions,
  ClusterNode,
  ClusterParts,
  ClusterReceiptOptions,
  ClusterSubmitOptions,
  Session,
  SessionOptions,
} from './cluster-types.ts';
import { clientError, type RpcError } from './errors.ts';
import { pause } from './retry.ts';
import { createSession } from './session.ts';
import type { DigestSubmission } from './types.ts';

/** Connects on the first call. Throws `client/invalid-argument` when there is no address to begin with. */
export function createClusterClient(options: ClusterClientOptions): ClusterClient {
  return new NodesClient(options);
}

class NodesClient implements ClusterClient {
  readonly #nodes: ClusterNodes;
  readonly #parts: ClusterParts;
  readonly #trust: TrustStore;
  readonly #deadlineMs: number;
  readonly #tryMsMax: number;
  readonly #mapMsMax: number;
  readonly #closed = new AbortController();
  #learning: Promise<void> | undefined;

  constructor(options: ClusterClientOptions) {
    const { nodes, trust, submitter, tryMsMax = 3_000 } = options;
    const connect = (url: string): ClusterNode =>
      createClient({
        url,
        answerMsMax: tryMsMax,
        retry: { attemptsMax: 1 },
        ...(submitter === undefined ? {} : { submitter }),
      });
    const system = { connect, now: () => performance.now(), pause, random: Math.random };
    this.#parts = { ...system, ...options.parts };
    const { restMsFirst = 50, restMsMax = 2_000 } = options;
    this.#nodes = new ClusterNodes(nodes, this.#parts, { restMsFirst, restMsMax });
    if (this.#nodes.all().length === 0) {
      throw clientError('client/invalid-argument', 'a client of a cluster needs an address');
    }
    this.#trust = trust;
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#tryMsMax = tryMsMax;
    this.#mapMsMax = options.mapMsMax ?? 5_000;
  }

  submit(submission: DigestSubmission, options: ClusterSubmitOptions = {}): Promise<Submitted> {
    const { waitFor = 'checkpoint' } = options;
    const partition = () => partitionOf(submission, this.#nodes.partitions);
    return this.#repeat(partition, options, async (node) => {
      const submitted = await node.submit(submission, { waitFor });
      if (waitFor === 'checkpoint') this.#checkSubmitted(submitted, submission);
      return submitted;
    });
  }

  receipt(id: bigint, options: ClusterReceiptOptions = {}): Promise<Receipt> {
    const { digest, waitFor = 'checkpoint' } = options;
    return this.#repeat(anywhere, options, async (node) => {
      const receipt = await node.receipt(id, { waitFor, read: 'linearizable' });
      if (receipt.record.scarabId !== id) throw untrusted('the receipt is of another record');
      this.#checkReceipt(receipt, digest ?? receipt.record.digest);
      return receipt;
    });
  }

  call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options: ClusterCallOptions = {},
  ): Promise<MethodResult<M>> {
    return this.#repeat(anywhere, options, (node) => node.call(method, params));
  }

  session(options: SessionOptions = {}): Session {
    return createSession(this, options);
  }

  async close(): Promise<void> {
    this.#closed.abort(clientError('client/closed', 'the client was closed'));
    await this.#nodes.close();
  }

  /** Tries one node after the other until one answers, the call is refused for good, or time is up (CK2, CK3). */
  async #repeat<T>(
    partition: () => number | undefined,
    { deadlineMs = this.#deadlineMs, signal }: ClusterCallOptions,
    ask: (node: ClusterNode) => Promise<T>,
  ): Promise<T> {
    const until = this.#parts.now() + deadlineMs;
    const stop = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    let open: RpcError | undefined;
    for (;;) {
      const node = this.#choose(partition(), stop);
      const leftMs = Math.max(1, until - this.#parts.now());
      const outcome = await this.#try(node, { leftMs, stop }, ask);
      if ('answer' in outcome) return outcome.answer;
      const { error } = outcome;
      if (isOpen(error)) open = error;
      const restMs = this.#nodes.restMs();
      if (!Number.isFinite(restMs)) continue; // nobody is left to be trusted
      if (this.#parts.now() + restMs >= until) throw open ? outcomeUnknown(open) : error;
      if (restMs > 0) await this.#parts.pause(restMs, stop);
    }
  }

  #choose(partition: number | undefined, stop: AbortSignal): KnownNode {
    stop.throwIfAborted();
    if (this.#nodes.mapAge > this.#mapMsMax) void this.#learn();
    const node = this.#nodes.next(partition);
    if (node === undefined) throw untrusted('no node has one that the pinned keys bear out');
    return node;
  }

  /** One node's answer, or why another one is to be asked. Throws what ends the call. */
  async #try<T>(
    node: KnownNode,
    { leftMs, stop }: { readonly leftMs: number; readonly stop: AbortSignal },
    ask: (node: ClusterNode) => Promise<T>,
  ): Promise<{ readonly answer: T } | { readonly error: RpcError }> {
    try {
      const answer = await this.#within(Math.min(leftMs, this.#tryMsMax), stop, ask(node.client));
      this.#nodes.worked(node);
      return { answer };
    } catch (thrown) {
      stop.throwIfAborted();
      const error = asRpcError(thrown);
      if (endsCall(error)) throw error;
      this.#blame(node, error);
      return { error };
    }
  }

  #blame(node: KnownNode, error: RpcError): void {
    if (error.code === 'client/untrusted-answer') this.#nodes.distrust(node);
    else this.#nodes.failed(node, error.retryAfterMs);
    // It may lead no more, or not be there.
    if (error.code.startsWith('client/') || error.code === 'consensus/not-leader') {
      this.#nodes.forgetLeader(node);
    }
  }

  /** The answer, or `client/no-answer`; what comes later is nobody's. */
  async #within<T>(ms: number, stop: AbortSignal, answer: Promise<T>): Promise<T> {
    const done = new AbortController();
    const late = this.#parts
      .pause(ms, AbortSignal.any([done.signal, stop]))
      .then(() => Promise.reject(clientError('client/no-answer', `no answer within ${ms} ms`)));
    try {
      return await Promise.race([answer, late]);
    } finally {
      done.abort();
    }
  }

  /** Asks for the map, of one node after the other, once at a time; nobody waits for it. */
  #learn(): Promise<void> {
    this.#learning ??= this.#askForMap().finally(() => {
      this.#learning = undefined;
    });
    return this.#learning;
  }

  async #askForMap(): Promise<void> {
    for (let tries = this.#nodes.all().length; tries > 0; tries--) {
      const node = this.#nodes.next(undefined);
      if (node === undefined || this.#closed.signal.aborted) return;
      try {
        const asked = node.client.call('cluster_map', {});
        const map = await this.#within(this.#tryMsMax, this.#closed.signal, asked);
        this.#nodes.learn(readMap(map));
        return;
      } catch (thrown) {
        const error = asRpcError(thrown);
        // A lone node has none.
        if (error.code === 'node/no-cluster') return this.#nodes.learn(NO_MAP);
        // Whether a node is to be asked less is for calls to say.
      }
    }
    this.#nodes.learnedNothing();
  }

  #checkSubmitted(submitted: Submitted, { digest }: DigestSubmission): void {
    const { receipt, id, offset, origin } = submitted;
    if (receipt === undefined) throw untrusted('there is no receipt in the answer');
    const { record } = receipt;
    if (record.scarabId !== id || record.offset !== offset || receipt.origin !== origin) {
      throw untrusted('the receipt is of another record than the answer');
    }
    this.#checkReceipt(receipt, digest);
  }

  /** CK4: against the pinned keys and nothing else. */
  #checkReceipt(receipt: Receipt, digest: Uint8Array): void {
    const verdict = verifyReceipt(receipt, digest, this.#trust);
    if (!verdict.ok) throw untrusted(verdict.message);
    if (!equalBytes(receipt.record.digest, digest)) throw untrusted('the receipt is of other data');
  }
}

const anywhere = () => undefined;

/** N6: where the log of one cluster would put it. */
function partitionOf({ digest, idempotencyKey }: DigestSubmission, partitions: number): number {
  if (partitions === 1) return 0;
  const hash = blake3(idempotencyKey === undefined ? digest : toUtf8(idempotencyKey));
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0, true) % partitions;
}
