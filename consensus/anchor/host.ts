import { PyralogError, unreachable } from '../../base/errors.ts';
import type { Clock } from '../../base/time.ts';
import type { AnchorBlock, AnchorChain } from './chain.ts';
import { start, step } from './machine.ts';
import type { AnchorCheckpoint, AnchorRoot, Effect, Input, Limits, State } from './types.ts';

export interface AnchorHostDeps {
  readonly clock: Clock;
  readonly chain: AnchorChain;
  /** The path for one root (merkle.md M4), out of the log itself. */
  readonly consistency: (
    checkpoint: AnchorCheckpoint,
    alg: AnchorRoot['alg'],
    from: number,
  ) => Uint8Array[];
  readonly onFinal: (checkpoint: AnchorCheckpoint, block: AnchorBlock) => void;
  /** Called once on a broken invariant. The node must stop. */
  readonly onBug: (bug: unknown) => void;
}

/** Runs the anchor machine of one log against a real (or simulated) clock and chain. */
export class AnchorHost {
  readonly #deps: AnchorHostDeps;
  #state: State;
  #block: AnchorBlock | undefined;
  #cancelWake: () => void = () => {};
  #stopped = false;

  constructor(deps: AnchorHostDeps, limits: Limits, anchoredSize: number) {
    this.#deps = deps;
    this.#state = start(limits, anchoredSize);
  }

  offer(checkpoint: AnchorCheckpoint): void {
    this.#apply({ kind: 'checkpoint', checkpoint });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWake();
  }

  #apply(input: Input): void {
    if (this.#stopped) return;
    const { state, effects } = step(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const { clock, onFinal } = this.#deps;
    switch (effect.kind) {
      case 'wake':
        this.#cancelWake();
        this.#cancelWake = clock.schedule(effect.at, () => {
          this.#apply({ kind: 'tick', now: clock.monotonic() });
        });
        return;
      case 'submit':
        this.#submit(effect.checkpoint, effect.from);
        return;
      case 'final':
        if (this.#block !== undefined) onFinal(effect.checkpoint, this.#block);
        return;
      default:
        unreachable(effect);
    }
  }

  #submit(checkpoint: AnchorCheckpoint, from: number): void {
    const { chain, clock, onBug } = this.#deps;
    const { size } = checkpoint;
    this.#send(checkpoint, from, chain)
      .then(
        (block) => {
          this.#block = block;
          this.#apply({ kind: 'anchored', size, height: block.height });
        },
        // Refused or not reached: either way it is tried again (A4), and the chain knows a repeated one.
        (error: unknown) => {
          const anchoredSize = heldByChain(error);
          this.#apply({
            kind: 'rejected',
            size,
            now: clock.monotonic(),
            ...(anchoredSize === undefined ? {} : { anchoredSize }),
          });
        },
      )
      .catch(onBug);
  }

  async #send(
    checkpoint: AnchorCheckpoint,
    from: number,
    chain: AnchorChain,
  ): Promise<AnchorBlock> {
    const consistency = checkpoint.roots.map(({ alg }) =>
      this.#deps.consistency(checkpoint, alg, from),
    );
    return chain.submit({ checkpoint, from, consistency });
  }
}

/** What the chain says it holds, when an anchor did not start there. */
function heldByChain(error: unknown): number | undefined {
  if (!(error instanceof PyralogError) || error.code !== 'consensus/anchor-refused')
    return undefined;
  const held = error.data['anchoredSize'];
  return typeof held === 'number' ? held : undefined;
}
