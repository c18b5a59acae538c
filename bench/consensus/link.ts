/** Calls and frames of transactions over one lean WebSocket, many unanswered at once. */
import {
  decodeAnswerFrame,
  encodeTransactionFrame,
  type TransactionOutcome,
} from '../../api/index.ts';
import { BenchError } from '../errors.ts';
import { BINARY, frameOf, type LeanSocket, openSocket, TEXT } from '../load/websocket.ts';
import type { NodeAddress } from './types.ts';

/** An answer to a call: its result, or the error the node gave. */
export type Answer =
  | { readonly ok: true; readonly result: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly refusal: Refusal };

export interface Refusal {
  readonly reason: string;
  readonly message: string;
  /** 0 when it named no time. */
  readonly retryAfterMs: number;
}

const OPEN_BRACE = 0x7b;
const REQUEST_ID_LIMIT = 2 ** 31;

export class Link {
  readonly #socket: LeanSocket;
  readonly #calls = new Map<number, (answer: Answer) => void>();
  readonly #frames = new Map<number, (outcomes: readonly TransactionOutcome[] | Refusal) => void>();
  #nextId = 1;
  /** Called once when the connection breaks or an answer makes no sense. */
  onFailure: (error: Error) => void = () => {};

  static async open({ host, port }: NodeAddress): Promise<Link> {
    return new Link(await openSocket(host, port));
  }

  private constructor(socket: LeanSocket) {
    this.#socket = socket;
    socket.onBroken = (error) => this.onFailure(error);
    socket.onMessage = (payload) => {
      try {
        if (payload[0] === OPEN_BRACE) this.#takeAnswer(payload);
        else this.#takeOutcomes(payload);
      } catch (error) {
        this.onFailure(error instanceof Error ? error : new Error(String(error)));
      }
    };
  }

  call(method: string, params: Readonly<Record<string, unknown>>): Promise<Answer> {
    const id = this.#id();
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const { frame, at } = frameOf(TEXT, text.length);
    frame.write(text, at, 'latin1');
    return new Promise((resolve) => {
      this.#calls.set(id, resolve);
      this.#socket.send(frame);
    });
  }

  /** A call whose refusal is no outcome of the bench. Rejects with `bench/wrong-answer`. */
  async need(method: string, params: Readonly<Record<string, unknown>>) {
    const answer = await this.call(method, params);
    if (answer.ok) return answer.result;
    const { reason, message } = answer.refusal;
    throw new BenchError('bench/wrong-answer', `${method}: ${reason}: ${message}`);
  }

  /** Outcomes in the order of the transactions, or the refusal of the whole frame. */
  submit(transactions: readonly Uint8Array[]): Promise<readonly TransactionOutcome[] | Refusal> {
    const requestId = this.#id();
    const bytes = encodeTransactionFrame({ requestId, transactions });
    const { frame, at } = frameOf(BINARY, bytes.length);
    frame.set(bytes, at);
    return new Promise((resolve) => {
      this.#frames.set(requestId, resolve);
      this.#socket.send(frame);
    });
  }

  close(): void {
    this.#socket.onBroken = () => {};
    this.#socket.close();
  }

  #id(): number {
    this.#nextId = (this.#nextId + 1) % REQUEST_ID_LIMIT;
    return this.#nextId;
  }

  #takeAnswer(payload: Buffer): void {
    const { id, result, error } = JSON.parse(payload.toString()) as {
      id?: number;
      result?: Readonly<Record<string, unknown>>;
      error?: RpcError;
    };
    const waiting = id === undefined ? undefined : this.#calls.get(id);
    if (id === undefined || waiting === undefined) return;
    this.#calls.delete(id);
    if (error === undefined) waiting({ ok: true, result: result ?? {} });
    else waiting({ ok: false, refusal: refusalOf(error) });
  }

  #takeOutcomes(payload: Buffer): void {
    const frame = decodeAnswerFrame(payload);
    if (!('requestId' in frame)) throw new BenchError('bench/wrong-answer', 'not a frame');
    const waiting = this.#frames.get(frame.requestId);
    this.#frames.delete(frame.requestId);
    if (waiting === undefined) throw new BenchError('bench/wrong-answer', 'an answer to nothing');
    if (frame.kind === 'transaction-outcomes') waiting(frame.outcomes);
    else if (frame.kind === 'error') waiting(refusalOf(frame.error));
    else throw new BenchError('bench/wrong-answer', `an answer of kind ${frame.kind}`);
  }
}

interface RpcError {
  readonly message: string;
  readonly data?: { readonly reason?: string; readonly retryAfterMs?: number };
}

function refusalOf({ message, data }: RpcError): Refusal {
  return { reason: data?.reason ?? '', message, retryAfterMs: data?.retryAfterMs ?? 0 };
}

/** What a node says when too much comes: come again. Anything else is a wrong answer here. */
export function isTooMuch(reason: string): boolean {
  return ['chain/mempool-full', 'rpc/overloaded', 'rpc/too-busy'].includes(reason);
}
