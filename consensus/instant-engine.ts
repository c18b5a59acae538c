import { assert } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type {
  App,
  BlockInfo,
  Engine,
  EngineFigures,
  FinalityEvidence,
  Finalized,
} from './engine.ts';
import { consensusError } from './errors.ts';
import { FinalStream } from './final-stream.ts';

export interface InstantEngineDeps {
  readonly clock: Clock;
  /** Told once when the app refuses its own block or throws. The engine has stopped. */
  readonly onBug: (bug: unknown) => void;
}

const SCHEME = 'instant';

/**
 * An engine of one: a block is final as soon as it is executed. It agrees with nobody and proves nothing; it is there
 * so that what stands on an engine can be built and tested without a network.
 */
export function createInstantEngine(deps: InstantEngineDeps): Engine {
  return new InstantEngine(deps);
}

class InstantEngine implements Engine {
  readonly #deps: InstantEngineDeps;
  #app: App | undefined;
  #stream: FinalStream | undefined;
  #endPending: (() => void) | undefined;
  #working: Promise<void> | undefined;
  #decisionSeconds = 0;
  #stopped = false;

  constructor(deps: InstantEngineDeps) {
    this.#deps = deps;
  }

  async start(app: App, signal: AbortSignal): Promise<void> {
    assert(this.#app === undefined, 'an engine starts once');
    signal.throwIfAborted();
    this.#app = app;
    this.#stream = new FinalStream(app);
    signal.addEventListener('abort', () => void this.stop(), { once: true });
    this.#endPending = app.onPending(() => this.#wake(app));
    this.#wake(app);
  }

  async submit(transaction: Uint8Array): Promise<void> {
    if (this.#app === undefined || this.#stopped) {
      throw consensusError('consensus/stopped', 'the engine does not run');
    }
    await this.#app.submit(transaction);
  }

  head(): Finalized | undefined {
    return this.#app?.head();
  }

  finalized(fromHeight: number, signal: AbortSignal): AsyncIterable<Finalized> {
    assert(this.#stream !== undefined, 'an engine is started before its blocks are read');
    return this.#stream.read(fromHeight, signal);
  }

  verify(_block: BlockInfo, { scheme }: FinalityEvidence): boolean {
    return scheme === SCHEME;
  }

  figures(): EngineFigures {
    const height = this.head()?.height ?? 0;
    const decisionSeconds = this.#decisionSeconds;
    return { height, round: 0, rounds: height, refusedMessages: 0, decisionSeconds };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPending?.();
    await this.#working;
    this.#stream?.end();
  }

  #wake(app: App): void {
    if (!this.#stopped && app.hasPending()) this.#working ??= this.#work(app);
  }

  async #work(app: App): Promise<void> {
    // What is submitted in one turn of the event loop shares a block.
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      while (app.hasPending() && !this.#stopped) await this.#decide(app);
    } catch (bug) {
      this.#stopped = true;
      this.#stream?.end();
      this.#deps.onBug(bug);
    } finally {
      this.#working = undefined;
    }
  }

  async #decide(app: App): Promise<void> {
    const { clock } = this.#deps;
    const began = clock.monotonic();
    const head = app.head();
    const request = {
      height: (head?.height ?? 0) + 1,
      time: Math.floor(clock.wall()),
      proposer: 0,
      parentEvidence: head?.evidence,
    };
    const block = await app.propose(request);
    await app.commit(block.id, { scheme: SCHEME, bytes: new Uint8Array() });
    const final = app.head();
    assert(final?.height === request.height, 'an app shows a block once it has committed it');
    this.#decisionSeconds = (clock.monotonic() - began) / 1_000;
    this.#stream?.append(final);
  }
}
