/**
 * Calls between the threads of a node over a message port: the RPC thread reads the chain, which lives in the main
 * thread with consensus. Calls carry an abort signal, streams carry credit, so that a slow reader holds its own stream
 * back and nothing piles up in the port.
 */
import type { MessagePort } from 'node:worker_threads';
import { onAbort } from '../base/abort.ts';
import { PyralogError } from '../base/errors.ts';
import { nodeError } from './errors.ts';
import { GatheredPort } from './gathered-port.ts';

/** What one side offers: values or streams of structured-cloneable values. */
export type BridgeTarget = Readonly<
  Record<
    string,
    (args: readonly unknown[], signal: AbortSignal) => Promise<unknown> | AsyncIterable<unknown>
  >
>;

interface WireError {
  readonly code: string;
  readonly message: string;
  readonly data: Readonly<Record<string, string | number | bigint>>;
}

type Message =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'abort'; readonly id: number }
  /** The reader took an item: one more may follow. */
  | { readonly kind: 'credit'; readonly id: number }
  | { readonly kind: 'item'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'end'; readonly id: number; readonly value?: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };

/** Items of a stream that are under way without having been taken. */
const STREAM_CREDIT = 16;
/** Calls not yet answered; beyond it the caller is turned away, so that a held-up main thread is felt at once. */
const CALLS_MAX = 10_000;
const RETRY_AFTER_MS = 100;

/** Serves `target` on this port until it closes. A thrown error that is no PyralogError goes to `onBug`. */
export function serveBridge(
  port: MessagePort,
  target: BridgeTarget,
  onBug: (bug: unknown) => void,
): void {
  const open = new Map<number, Served>();
  const gathered = new GatheredPort<Message>(port);
  const say = (message: Message) => gathered.say(message);
  gathered.onMessage((message) => {
    if (message.kind === 'abort') open.get(message.id)?.abort.abort();
    else if (message.kind === 'credit') open.get(message.id)?.credit.give();
    else if (message.kind === 'call') {
      const { id } = message;
      const served = { abort: new AbortController(), credit: new Credit() };
      open.set(id, served);
      answer(message, target, { ...served, say })
        .then(
          (value) => say({ kind: 'end', id, value }),
          (error: unknown) => {
            if (!(error instanceof PyralogError) && !served.abort.signal.aborted) onBug(error);
            say({ kind: 'error', id, error: wireError(error) });
          },
        )
        .finally(() => open.delete(id));
    }
  });
  gathered.onClose(() => {
    for (const { abort } of open.values()) abort.abort();
  });
}

interface Served {
  readonly abort: AbortController;
  readonly credit: Credit;
}

async function answer(
  { id, method, args }: Message & { kind: 'call' },
  target: BridgeTarget,
  { abort, credit, say }: Served & { say: (message: Message) => void },
): Promise<unknown> {
  const handler = target[method];
  if (handler === undefined) throw new TypeError(`no bridge method ${method}`);
  const given = handler(args, abort.signal);
  if (!isStream(given)) return given;
  for await (const value of given) {
    if (abort.signal.aborted) break;
    say({ kind: 'item', id, value });
    await credit.take(abort.signal);
  }
  return undefined;
}

/** Calls what the other side serves. */
export interface BridgeClient {
  /** Rejects with the code the other side failed with, `node/busy`, `node/stopped`, or the signal's reason. */
  call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>;
  stream(method: string, args: readonly unknown[], signal: AbortSignal): AsyncIterable<unknown>;
  close(): void;
}

interface Pending {
  readonly item: (value: unknown) => void;
  readonly end: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/** The other side's end. */
export function connectBridge(port: MessagePort): BridgeClient {
  return new PortClient(port);
}

class PortClient implements BridgeClient {
  readonly #port: GatheredPort<Message>;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = new GatheredPort(port);
    this.#port.onMessage((message) => this.#hear(message));
    this.#port.onClose(() => {
      this.#closed = true;
      for (const { fail } of [...this.#pending.values()]) fail(stopping());
      this.#pending.clear();
    });
  }

  call(method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open({ method, args }, { item: () => {}, end: resolve, fail: reject }, signal);
    });
  }

  async *stream(
    method: string,
    args: readonly unknown[],
    signal: AbortSignal,
  ): AsyncIterable<unknown> {
    const left = new AbortController();
    const inbox = new Inbox();
    const ends = AbortSignal.any([signal, left.signal]);
    const waiting: Pending = {
      item: (value) => inbox.put(value),
      end: () => inbox.end(),
      fail: (error) => (ends.aborted ? inbox.end() : inbox.fail(error)),
    };
    const id = this.#open({ method, args }, waiting, ends);
    try {
      while (await inbox.ready()) {
        this.#say({ kind: 'credit', id });
        yield inbox.take();
      }
    } finally {
      left.abort();
    }
  }

  close(): void {
    this.#port.close();
  }

  #open(
    { method, args }: { method: string; args: readonly unknown[] },
    waiting: Pending,
    signal: AbortSignal | undefined,
  ): number {
    if (this.#closed) throw stopping();
    signal?.throwIfAborted();
    if (this.#pending.size >= CALLS_MAX) {
      throw nodeError('node/busy', 'more calls wait in this node than it allows; try again', {
        data: { retryAfterMs: RETRY_AFTER_MS },
      });
    }
    const id = this.#next++;
    const aborted = () => {
      this.#say({ kind: 'abort', id });
      this.#pending.get(id)?.fail(signal?.reason);
    };
    const unheed = signal && onAbort(signal, aborted);
    const settled =
      (then: (value: unknown) => void) =>
      (value: unknown): void => {
        this.#pending.delete(id);
        unheed?.();
        then(value);
      };
    const { item, end, fail } = waiting;
    this.#pending.set(id, { item, end: settled(end), fail: settled(fail) });
    this.#say({ kind: 'call', id, method, args });
    return id;
  }

  #hear(message: Message): void {
    const waiting = this.#pending.get(message.id);
    if (message.kind === 'item') waiting?.item(message.value);
    else if (message.kind === 'end') waiting?.end(message.value);
    else if (message.kind === 'error') waiting?.fail(fromWire(message.error));
  }

  #say(message: Message): void {
    if (!this.#closed) this.#port.say(message);
  }
}

/** Items that came, waiting for their one reader. */
class Inbox {
  readonly #items: unknown[] = [];
  #over: { readonly error?: unknown } | undefined;
  #wake = () => {};

  put(value: unknown): void {
    this.#items.push(value);
    this.#wake();
  }

  end(): void {
    this.#over ??= {};
    this.#wake();
  }

  fail(error: unknown): void {
    this.#over ??= { error };
    this.#wake();
  }

  /** Whether there is an item to take; false at the end. Rejects as the stream failed. */
  async ready(): Promise<boolean> {
    while (this.#items.length === 0) {
      if (this.#over?.error !== undefined) throw this.#over.error;
      if (this.#over !== undefined) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  take(): unknown {
    return this.#items.shift();
  }
}

function stopping(): Error {
  return nodeError('node/stopped', 'the node is stopping');
}

/** How many items may still be sent before the reader took one. */
class Credit {
  #left = STREAM_CREDIT;
  #wake = () => {};

  give(): void {
    this.#left += 1;
    this.#wake();
  }

  async take(signal: AbortSignal): Promise<void> {
    this.#left -= 1;
    while (this.#left <= 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

function isStream(
  answer: Promise<unknown> | AsyncIterable<unknown>,
): answer is AsyncIterable<unknown> {
  return Symbol.asyncIterator in answer;
}

function wireError(error: unknown): WireError {
  if (error instanceof PyralogError) {
    return { code: error.code, message: error.message, data: { ...error.data } };
  }
  return {
    code: 'node/bug',
    message: error instanceof Error ? error.message : String(error),
    data: {},
  };
}

function fromWire({ code, message, data }: WireError): Error {
  // A bug of the other side stays one here: nobody handles it.
  return code === 'node/bug' ? new Error(message) : new PyralogError(code, message, { data });
}
