import { blake3 } from '@noble/hashes/blake3.js';
import { assert } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { App, Block, Engine, Finalized } from './engine.ts';
import { consensusError } from './errors.ts';
import { History } from './history.ts';

export interface InstantEngineDeps {
  readonly clock: Clock;
  /** Told once when the app refuses its own block or throws. The engine has stopped. */
  readonly onBug: (bug: unknown) => void;
}

export interface InstantEngineOptions {
  readonly pendingMax: number;
  readonly blockBytesMax: number;
}

/**
 * An engine of one: a block is final as soon as it is executed. It agrees with nobody and proves nothing; it is there
 * so that what stands on an engine can be built and tested before there is a network.
 */
export function createInstantEngine(
  deps: InstantEngineDeps,
  options: InstantEngineOptions,
): Engine {
  return new InstantEngine(deps, options);
}

class InstantEngine implements Engine {
  readonly #deps: InstantEngineDeps;
  readonly #options: InstantEngineOptions;
  readonly #history = new History<Finalized>();
  #pending: Uint8Array[] = [];
  #app: App | undefined;
  #working: Promise<void> | undefined;
  #lastTime = 0;
  #stopped = false;

  constructor(deps: InstantEngineDeps, options: InstantEngineOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async start(app: App, signal: AbortSignal): Promise<void> {
    assert(this.#app === undefined, 'an engine starts once');
    signal.throwIfAborted();
    this.#app = app;
    signal.addEventListener('abort', () => void this.stop(), { once: true });
  }

  async submit(transaction: Uint8Array): Promise<void> {
    if (this.#app === undefined || this.#stopped) {
      throw consensusError('consensus/stopped', 'the engine does not run');
    }
    if (this.#pending.length >= this.#options.pendingMax) {
      throw consensusError(
        'consensus/overloaded',
        `${this.#pending.length} transactions are pending; submit again when a block is final`,
        { data: { pending: this.#pending.length } },
      );
    }
    this.#pending.push(Uint8Array.from(transaction));
    this.#working ??= this.#work(this.#app);
  }

  head(): Finalized | undefined {
    return this.#history.items.at(-1);
  }

  finalized(fromHeight: number, signal: AbortSignal): AsyncIterable<Finalized> {
    return this.#history.read(Math.max(0, fromHeight - 1), signal);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#working;
    this.#history.end();
  }

  async #work(app: App): Promise<void> {
    // What is submitted in one turn of the event loop shares a block.
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      while (this.#pending.length > 0 && !this.#stopped) await this.#decide(app);
    } catch (bug) {
      this.#stopped = true;
      this.#history.end();
      this.#deps.onBug(bug);
    } finally {
      this.#working = undefined;
    }
  }

  async #decide(app: App): Promise<void> {
    const height = this.#history.items.length + 1;
    const transactions = this.#pending;
    this.#pending = [];
    const body = await app.propose(height, transactions, this.#options.blockBytesMax);
    assert(body.length <= this.#options.blockBytesMax, 'a proposed block keeps its size limit');
    this.#lastTime = Math.max(this.#lastTime + 1, Math.floor(this.#deps.clock.wall()));
    const block: Block = { height, time: this.#lastTime, body };
    assert(await app.validate(block), 'an app accepts the block it proposed');
    const state = await app.execute(block);
    await app.commit(height);
    this.#history.append({
      height,
      id: blockId(block, state),
      evidence: { scheme: 'instant', bytes: new Uint8Array() },
    });
  }
}

function blockId(block: Block, state: Uint8Array): Uint8Array {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(block.height), 0);
  head.writeBigUInt64LE(BigInt(block.time), 8);
  return blake3(Buffer.concat([head, blake3(state), blake3(block.body)]));
}
