/**
 * JSON-RPC 2.0 to the letter (rpc.md R1): request bytes in, answer text out, no transport.
 *
 * One call costs no promise of its own unless its method waits, and the dispatcher never throws: whatever the bytes
 * are, the outcome is one valid answer, or none for notifications.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { setImmediate as immediately } from 'node:timers/promises';
import type { RpcErrorObject, RpcId } from '../api/index.ts';
import type { Logger } from '../base/log.ts';
import { errorObjectOf, internalError, isForOperator, rpcError } from './errors.ts';
import type { RpcLimits } from './types.ts';
import { Written } from './written.ts';

/** The text to send back; undefined when there is none to send. */
export type Answer = string | undefined;

/** Whoever calls, as far as a method or the dispatcher needs to know. */
export interface Caller {
  /** Fires when the caller is gone. */
  readonly signal: AbortSignal;
  /** Present when the connection stays open and can take notifications. */
  readonly subscriber?: Subscriber;
  /** Takes a slot for one call, or throws the PyralogError that refuses it. */
  admit(): void;
  /** Gives the slot back. */
  release(): void;
}

/** What a subscription sends, in wire form, until `signal` fires. */
export type Feed = (signal: AbortSignal) => AsyncIterable<unknown>;

/** Where subscriptions are kept; see `subscriptions.ts`. */
export interface Subscriber {
  /** `notification` is the method under which the feed's values are sent. */
  subscribe(notification: string, feed: Feed): string;
  unsubscribe(subscription: string): boolean;
}

export interface MethodHandler {
  /** What is wrong with the params; undefined = nothing. */
  fault(params: unknown): string | undefined;
  /** The result, or a promise of it. Expected trouble is thrown as a PyralogError with a known code. */
  run(params: unknown, caller: Caller): unknown;
}

export interface CallObserver {
  started(): void;
  /** `reason` is the error's code; undefined = success. */
  finished(method: string, startedMs: number, reason: string | undefined): void;
}

interface DispatcherDependencies {
  readonly methods: ReadonlyMap<string, MethodHandler>;
  readonly observer: CallObserver;
  readonly logger: Logger;
}

/** One call on its way; `id` undefined = a notification. */
interface Call {
  readonly method: string;
  readonly id: RpcId | undefined;
  readonly caller: Caller;
  readonly startedMs: number;
}

export class Dispatcher {
  readonly #methods: ReadonlyMap<string, MethodHandler>;
  readonly #observer: CallObserver;
  /** When the log was last told of a refusal, by its reason. */
  readonly #operatorTold = new Map<string, number>();
  readonly #logger: Logger;
  readonly #limits: Pick<RpcLimits, 'batchCallsMax' | 'answerBytesMax'>;
  #inFlight = 0;
  #draining = false;
  #whenIdle: (() => void)[] = [];

  constructor(
    dependencies: DispatcherDependencies,
    limits: Pick<RpcLimits, 'batchCallsMax' | 'answerBytesMax'>,
  ) {
    this.#methods = dependencies.methods;
    this.#observer = dependencies.observer;
    this.#logger = dependencies.logger;
    this.#limits = limits;
  }

  /** Answers one message: a call, a notification or a batch. Never throws, never rejects. */
  dispatch(request: Buffer, caller: Caller): Answer | Promise<Answer> {
    if (!isUtf8(request)) return refusal(null, 'rpc/parse-error', 'the message is not UTF-8');
    let value: unknown;
    try {
      value = JSON.parse(request.toString());
    } catch {
      return refusal(null, 'rpc/parse-error', 'the message is not JSON');
    }
    return Array.isArray(value) ? this.#batch(value, caller) : this.#one(value, caller);
  }

  /** From now on every call is refused with `rpc/shutting-down`; resolves when none is in flight. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Counts work that comes another way (binary frames) into {@link drain}; throws when draining. */
  enter(): void {
    if (this.#draining) {
      throw rpcError('rpc/shutting-down', 'the node is stopping: try again, or another node');
    }
    this.#inFlight++;
  }

  leave(): void {
    this.#inFlight--;
    if (this.#inFlight > 0 || this.#whenIdle.length === 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #batch(values: readonly unknown[], caller: Caller): Answer | Promise<Answer> {
    if (values.length === 0) return refusal(null, 'rpc/invalid-request', 'the batch is empty');
    const max = this.#limits.batchCallsMax;
    if (values.length > max) {
      const message = `the batch has ${values.length} calls; at most ${max} are allowed`;
      return refusal(null, 'rpc/invalid-request', message);
    }
    return this.#inTurns(values, caller);
  }

  /**
   * Runs the calls of a batch, letting others have the thread every {@link TURN_MS}, and none that could not be
   * answered any more: a batch of searches must not hold up the node, nor grow beyond what it may answer.
   */
  async #inTurns(values: readonly unknown[], caller: Caller): Promise<Answer> {
    const answers: (Answer | Promise<Answer>)[] = [];
    let bytes = 0;
    let turnEnds = performance.now() + TURN_MS;
    for (const value of values) {
      const answer = this.#one(value, caller);
      answers.push(answer);
      if (typeof answer === 'string') bytes += answer.length;
      if (bytes > this.#limits.answerBytesMax || caller.signal.aborted) break;
      if (performance.now() > turnEnds) {
        await immediately();
        turnEnds = performance.now() + TURN_MS;
      }
    }
    return this.#joined(await Promise.all(answers), values.length);
  }

  #joined(answers: readonly Answer[], calls: number): Answer {
    const given = answers.filter((answer) => answer !== undefined);
    if (given.length === 0) return undefined;
    const bytes = given.reduce((sum, answer) => sum + Buffer.byteLength(answer) + 1, 1);
    if (bytes <= this.#limits.answerBytesMax) return `[${given.join(',')}]`;
    const message = `after ${answers.length} of ${calls} calls the batch's answer has ${bytes} bytes; at most ${this.#limits.answerBytesMax} are allowed, so the others were not made: split it`;
    return refusal(null, 'rpc/answer-too-large', message);
  }

  #one(value: unknown, caller: Caller): Answer | Promise<Answer> {
    if (!isObject(value)) return refusal(null, 'rpc/invalid-request', 'a request is an object');
    const hasId = Object.hasOwn(value, 'id');
    const id = hasId ? readId(value['id']) : null;
    const fault = id === undefined ? ID_FAULT : envelopeFault(value);
    if (fault !== undefined) return refusal(id ?? null, 'rpc/invalid-request', fault);
    const method = String(value['method']);
    const call = { method, id: hasId ? id : undefined, caller, startedMs: performance.now() };
    return this.#run(call, value['params']);
  }

  #run(call: Call, params: unknown): Answer | Promise<Answer> {
    const { caller } = call;
    this.#observer.started();
    try {
      caller.admit();
    } catch (error) {
      return this.#failed(call, error);
    }
    let entered = false;
    try {
      this.enter();
      entered = true;
      const result = this.#handler(call.method, params).run(params ?? EMPTY, caller);
      if (!(result instanceof Promise)) return this.#settle(call, this.#answered(call, result));
      return result.then(
        (value) => this.#settle(call, this.#answered(call, value)),
        (error: unknown) => this.#settle(call, this.#failed(call, error)),
      );
    } catch (error) {
      if (entered) return this.#settle(call, this.#failed(call, error));
      caller.release();
      return this.#failed(call, error);
    }
  }

  #handler(method: string, params: unknown): MethodHandler {
    const handler = this.#methods.get(method);
    if (handler === undefined) {
      throw rpcError('rpc/method-not-found', `there is no method of that name; see rpc.discover`);
    }
    const fault = handler.fault(params ?? EMPTY);
    if (fault !== undefined) throw rpcError('rpc/invalid-params', fault);
    return handler;
  }

  #settle(call: Call, answer: Answer): Answer {
    call.caller.release();
    this.leave();
    return answer;
  }

  #answered(call: Call, result: unknown): Answer {
    if (call.id === undefined) {
      this.#observer.finished(call.method, call.startedMs, undefined);
      return undefined;
    }
    let text: string;
    try {
      const json = result instanceof Written ? result.json : JSON.stringify(result);
      text = `{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":${json}}`;
    } catch (error) {
      return this.#failed(call, error);
    }
    const max = this.#limits.answerBytesMax;
    if (text.length * 3 > max && Buffer.byteLength(text) > max) {
      return this.#failed(
        call,
        rpcError('rpc/answer-too-large', `the answer is longer than ${max} bytes: ask for less`),
      );
    }
    this.#observer.finished(call.method, call.startedMs, undefined);
    return text;
  }

  #failed(call: Call, thrown: unknown): Answer {
    const error = errorObjectOf(thrown) ?? this.#unexpected(call.method, thrown);
    if (isForOperator(error) && error !== internalError) this.#tellOperator(call, thrown, error);
    this.#observer.finished(call.method, call.startedMs, error.data.reason);
    return call.id === undefined ? undefined : errorAnswer(call.id, error);
  }

  /** Once a minute and reason: whoever repeats a call must not fill the log. */
  #tellOperator({ method, startedMs }: Call, thrown: unknown, { data }: RpcErrorObject): void {
    const told = this.#operatorTold.get(data.reason);
    if (told !== undefined && startedMs - told < OPERATOR_MS) return;
    this.#operatorTold.set(data.reason, startedMs);
    this.#logger.error({ err: thrown, method: method.slice(0, 64) }, 'rpc call refused');
  }

  #unexpected(method: string, thrown: unknown): RpcErrorObject {
    this.#logger.error(
      { err: thrown, method: method.slice(0, 64) },
      'rpc call failed unexpectedly',
    );
    return internalError;
  }
}

/** How long a batch may keep the thread before others get their turn. */
const TURN_MS = 10;

/** How seldom the log says the same of refused calls. */
const OPERATOR_MS = 60_000;

const EMPTY = Object.freeze({});

const ID_FAULT = 'id is not a string, null, or a number that a double holds exactly';

function errorAnswer(id: RpcId, error: RpcErrorObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

/** The answer to what is not even a call. */
export function refusal(id: RpcId, code: Parameters<typeof rpcError>[0], message: string): string {
  return errorAnswer(id, errorObjectOf(rpcError(code, message)) ?? internalError);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for ids that could not be echoed as they came. */
function readId(id: unknown): RpcId | undefined {
  if (typeof id === 'string' || id === null) return id;
  if (typeof id !== 'number' || !Number.isFinite(id)) return undefined;
  return Math.abs(id) <= Number.MAX_SAFE_INTEGER ? id : undefined;
}

function envelopeFault(value: Record<string, unknown>): string | undefined {
  if (value['jsonrpc'] !== '2.0') return 'jsonrpc is not "2.0"';
  if (typeof value['method'] !== 'string') return 'method is not a string';
  const params = value['params'];
  if (params === undefined || (typeof params === 'object' && params !== null)) return undefined;
  return 'params is not an object or array';
}
