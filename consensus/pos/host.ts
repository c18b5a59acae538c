import { assert } from '../../base/errors.ts';
import { type BftEvidence, openBft, verifyCommit } from '../../native/index.ts';
import type { App, BlockInfo, EngineFigures, FinalityEvidence, Finalized } from '../engine.ts';
import { consensusError } from '../errors.ts';
import { orClosed } from './frames.ts';
import type { PosOptions } from './options.ts';
import { Run, type RunStart } from './run.ts';
import { indexOfKey, Signing } from './signing.ts';
import type { PosDeps, PosEngine, PosFigures } from './types.ts';
import { Wal } from './wal.ts';

/** Makes an engine that runs from {@link Engine.start} on. */
export function createPosEngine(deps: PosDeps, options: PosOptions): PosEngine {
  return new PosHost(deps, options);
}

/** Certificates of so many of the newest blocks are looked through at start; each has the votes of two thirds. */
const RECALLED_BLOCKS = 16;

/**
 * Holds the own chain against the slashing protection: a vote of this key that final blocks carry and the database does
 * not have was forgotten, so the database is an older copy (P26). Found here, before anything is signed.
 */
async function recallVotes(app: App, signing: Signing): Promise<void> {
  const head = app.head()?.height ?? 0;
  for (let height = head; height > Math.max(0, head - RECALLED_BLOCKS); height--) {
    const block = await app.block(height);
    const index = indexOfKey(app.validators(height) ?? [], signing.key);
    if (block === undefined || index < 0) continue;
    const { id, evidence } = block;
    await signing.certified({ height, id, certificate: evidence.bytes }, index);
  }
}

/** The proof-of-stake engine as others see it: opens what a {@link Run} needs, and answers when there is none. */
class PosHost implements PosEngine {
  readonly #deps: PosDeps;
  readonly #options: PosOptions;
  #app: App | undefined;
  #run: Run | undefined;
  #stopped = false;

  constructor(deps: PosDeps, options: PosOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Rejects with `consensus/protection-missing`, `consensus/protection-foreign` or `consensus/log-damaged`; nothing stays open then. */
  async start(app: App, signal: AbortSignal): Promise<void> {
    assert(this.#app === undefined, 'an engine starts once');
    signal.throwIfAborted();
    this.#app = app;
    const height = (app.head()?.height ?? 0) + 1;
    const voter = await this.#openVoter(height - 1);
    const run = async () => await this.#makeRun(app, height, voter);
    this.#run =
      voter === undefined
        ? await run()
        : await orClosed(voter.signing, () => orClosed(voter.wal, run));
    signal.addEventListener('abort', () => void this.stop(), { once: true });
    await this.#run.start();
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
    assert(this.#run !== undefined, 'an engine is started before its blocks are read');
    return this.#run.stream.read(fromHeight, signal);
  }

  verify({ height, id }: BlockInfo, { scheme, bytes: certificate }: FinalityEvidence): boolean {
    const validators = scheme === 'pos' ? this.#app?.validators(height) : undefined;
    if (validators === undefined) return false;
    const { network } = this.#deps.chain;
    return verifyCommit({ network, validators, height, id, certificate }).ok;
  }

  figures(): EngineFigures {
    const none = { height: 0, round: 0, rounds: 0, refusedMessages: 0, decisionSeconds: 0 };
    return this.#run?.figures() ?? none;
  }

  misbehaviour(): readonly BftEvidence[] {
    return this.#run?.misbehaviour.list ?? [];
  }

  posFigures(): PosFigures {
    assert(this.#run !== undefined, 'an engine is started before it has figures');
    return this.#run.posFigures();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#run?.stop();
  }

  async #makeRun(app: App, height: number, voter: RunStart['voter']): Promise<Run> {
    if (voter !== undefined) await recallVotes(app, voter.signing);
    const validators = app.validators(height);
    assert(validators !== undefined, 'an app knows who validates the block above its head');
    const { network } = this.#deps.chain;
    const self = this.#deps.signer?.publicKey;
    const key = self === undefined ? {} : { self };
    const core = openBft({ network, validators, height, ...key });
    const parts = { ...this.#deps, app };
    return new Run(parts, this.#options, { core, voter }, (bug) => this.#fail(bug));
  }

  async #openVoter(head: number): Promise<RunStart['voter']> {
    const { disk, log, random, signer, chain } = this.#deps;
    if (signer === undefined) return undefined;
    const signing = await Signing.open({ disk, log, random, signer }, chain.network);
    return await orClosed(signing, async () => {
      const { wal, heights, cutBytes } = await Wal.open({ disk, random }, head);
      if (cutBytes > 0) log.warn({ cutBytes }, 'torn tail of the log of the engine cut');
      signing.forgets((height) => heights.has(height), head);
      return { signing, wal, heights };
    });
  }

  #fail(bug: unknown): void {
    if (this.#stopped) return;
    this.#deps.onBug(bug);
    void this.stop();
  }
}
