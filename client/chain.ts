// SPDX-License-Identifier: Apache-2.0
/** The chain's calls in domain terms (chain.md, rpc.md R9 to R11). */
import {
  type AccountState,
  type AnchoredLog,
  accountFromWire,
  anchoredLogFromWire,
  blockFromWire,
  bytesFromWire,
  type ChainHead,
  type ChainParameters,
  type ClusterState,
  clusterFromWire,
  countFromWire,
  encodeTransactionFrame,
  type FinalAnchor,
  type FinalBlock,
  finalAnchorFromWire,
  headFromWire,
  type MethodResult,
  parametersFromWire,
  readErrorObject,
  type TransactionStatus,
  transactionStatusFromWire,
} from '../api/index.ts';
import { toHex } from '../base/bytes.ts';
import { clientError } from './errors.ts';
import { feedOf } from './feed.ts';
import { read } from './read.ts';
import { withRetry } from './retry.ts';
import type { Exchange, Transport } from './transport.ts';
import type {
  CallOptions,
  ChainClient,
  Client,
  PackedOutcome,
  RetryOptions,
  TransactionOptions,
  TransactionOutcome,
} from './types.ts';

interface ChainCallsDependencies {
  readonly call: Client['call'];
  readonly transport: Transport;
  readonly retry: RetryOptions;
  exchange(options: CallOptions): Exchange;
}

export class ChainCalls implements ChainClient {
  readonly #dependencies: ChainCallsDependencies;
  readonly #call: Client['call'];

  constructor(dependencies: ChainCallsDependencies) {
    this.#dependencies = dependencies;
    this.#call = dependencies.call;
  }

  async head(options: CallOptions = {}): Promise<ChainHead | undefined> {
    return read(headFromWire(await this.#call('chain_head', {}, options)));
  }

  async block(height?: number, options: CallOptions = {}): Promise<FinalBlock> {
    const params = height === undefined ? {} : { height: height.toString() };
    return read(blockFromWire(await this.#call('chain_block', params, options)));
  }

  async parameters(options: CallOptions = {}): Promise<ChainParameters> {
    return read(parametersFromWire(await this.#call('chain_parameters', {}, options)));
  }

  genesis(options: CallOptions = {}): Promise<MethodResult<'chain_genesis'>> {
    return this.#call('chain_genesis', {}, options);
  }

  async account(key: Uint8Array, options: CallOptions = {}): Promise<AccountState> {
    return read(accountFromWire(await this.#call('chain_account', { key: toHex(key) }, options)));
  }

  async cluster(name: string, options: CallOptions = {}): Promise<ClusterState> {
    return read(clusterFromWire(await this.#call('chain_cluster', { name }, options)));
  }

  async log(origin: string, options: CallOptions = {}): Promise<AnchoredLog> {
    return read(anchoredLogFromWire(await this.#call('chain_log', { origin }, options)));
  }

  async submit(
    transaction: Uint8Array,
    options: TransactionOptions = {},
  ): Promise<{ id: Uint8Array; status: TransactionStatus }> {
    const params = { transaction: toHex(transaction), ...waitOf(options) };
    const { id, status } = await this.#call('chain_submitTransaction', params, options);
    return {
      id: read(bytesFromWire(id, 'id', 32)),
      status: read(transactionStatusFromWire(status)),
    };
  }

  async submitBatch(
    transactions: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<TransactionOutcome[]> {
    const params = { transactions: transactions.map(toHex) };
    const { results } = await this.#call('chain_submitTransactions', params, options);
    if (results.length !== transactions.length) throw otherCount();
    return results.map((result) =>
      'error' in result
        ? { ok: false, error: readErrorObject(result.error) }
        : { ok: true, id: read(bytesFromWire(result.id, 'id', 32)) },
    );
  }

  async submitPacked(
    transactions: readonly Uint8Array[],
    options: CallOptions = {},
  ): Promise<readonly PackedOutcome[]> {
    const { transport, retry, exchange } = this.#dependencies;
    const send = transport.frame;
    if (send === undefined) {
      throw clientError('client/websocket-needed', 'frames need a ws: or wss: address');
    }
    const encode = (requestId: number) => encodeFrame(requestId, transactions);
    const { signal } = options;
    const answer = await withRetry(retry, { signal }, () => send(encode, exchange(options)));
    if (answer.kind !== 'transaction-outcomes') {
      throw clientError('client/bad-answer', 'the node answered with a frame of another kind');
    }
    if (answer.outcomes.length !== transactions.length) throw otherCount();
    return answer.outcomes;
  }

  async transactionStatus(
    id: Uint8Array,
    options: TransactionOptions = {},
  ): Promise<TransactionStatus> {
    const params = { id: toHex(id), ...waitOf(options) };
    return read(
      transactionStatusFromWire(await this.#call('chain_transactionStatus', params, options)),
    );
  }

  async transactionProof(id: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    const { proof } = await this.#call('chain_transactionProof', { id: toHex(id) }, options);
    return read(bytesFromWire(proof, 'proof'));
  }

  async stateProof(key: Uint8Array, options: CallOptions = {}) {
    const wire = await this.#call('chain_stateProof', { key: toHex(key) }, options);
    return {
      height: read(countFromWire(wire.height, 'height')),
      value: wire.value === undefined ? undefined : read(bytesFromWire(wire.value, 'value')),
      proof: read(bytesFromWire(wire.proof, 'proof')),
    };
  }

  async anchorProof(
    request: { origin: string; size: number; byHistory?: boolean },
    options: CallOptions = {},
  ) {
    const params = { ...request, size: request.size.toString() };
    const { anchor, scheme, proof } = await this.#call('anchor_proof', params, options);
    return {
      anchor: read(finalAnchorFromWire(anchor)),
      scheme,
      proof: read(bytesFromWire(proof, 'proof')),
    };
  }

  anchorStatus(options: CallOptions = {}): Promise<MethodResult<'anchor_status'>> {
    return this.#call('anchor_status', {}, options);
  }

  consensusStatus(options: CallOptions = {}): Promise<MethodResult<'consensus_status'>> {
    return this.#call('consensus_status', {}, options);
  }

  subscribeHeads(options: CallOptions = {}): AsyncIterable<ChainHead> {
    const { transport, exchange } = this.#dependencies;
    const request = {
      method: 'chain_subscribeHeads',
      params: {},
      keep: 'newest',
      read: (wire: unknown) => {
        const head = read(headFromWire(wire as MethodResult<'chain_head'>));
        if (head !== undefined) return head;
        throw clientError('client/bad-answer', 'the node told of a block of height 0');
      },
    } as const;
    return feedOf(transport, request, exchange(options));
  }

  subscribeAnchors(origin: string, options: CallOptions = {}): AsyncIterable<FinalAnchor> {
    const { transport, exchange } = this.#dependencies;
    const request = {
      method: 'anchor_subscribe',
      params: { origin },
      keep: 'newest',
      read: (wire: unknown) =>
        read(finalAnchorFromWire(wire as MethodResult<'anchor_proof'>['anchor'])),
    } as const;
    return feedOf(transport, request, exchange(options));
  }
}

function waitOf({ waitFor, timeoutMs }: TransactionOptions) {
  return {
    ...(waitFor === undefined ? {} : { waitFor }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

/** What no frame can carry is the caller's mistake, and no reason to try again. */
function encodeFrame(requestId: number, transactions: readonly Uint8Array[]): Uint8Array {
  try {
    return encodeTransactionFrame({ requestId, transactions });
  } catch (cause) {
    const why = cause instanceof RangeError ? cause.message : 'the batch cannot be sent';
    throw clientError('client/invalid-argument', why, cause);
  }
}

function otherCount() {
  return clientError('client/bad-answer', 'the node gave another number of outcomes');
}
