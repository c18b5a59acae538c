import type { Logger } from '../../base/log.ts';
import type {
  BftCore,
  BftEffect,
  BftEvidence,
  BftHeight,
  BftInput,
  BftRefusal,
  BftSign,
  BftStep,
} from '../../native/index.ts';
import type { Journal } from './journal.ts';
import type { TimedInput } from './proposals.ts';
import type { Signing } from './signing.ts';
import type { Timers } from './timers.ts';

type Effect<Kind extends BftEffect['kind']> = Extract<BftEffect, { readonly kind: Kind }>;

/** What the core wants of the host and the driver cannot do itself. */
export interface DriverHooks {
  publish(effect: Effect<'publish'>): void;
  build(height: number, round: number): void;
  roundStarted(effect: Effect<'start-round'>): void;
  decided(height: number): void;
  finalize(effect: Effect<'finalize'>): void;
  rang(input: TimedInput): void;
  /** A signature is asked for. */
  signs(request: BftSign): void;
}

export interface DriverDeps {
  readonly core: BftCore;
  readonly journal: Journal;
  readonly signing: Signing | undefined;
  readonly timers: Timers;
  readonly log: Logger;
  readonly hooks: DriverHooks;
}

/** A message that the core did not take, and why. */
export interface Refusal {
  readonly reason: BftRefusal;
  /** The message; absent when it could not be read. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Feeds the core and carries out its effects in order (P10, P20): what it logged is durable before it speaks, and every
 * signature goes through the slashing protection. One input at a time; the caller sees to that.
 */
export class Driver {
  readonly #deps: DriverDeps;
  #refusals: Refusal[] = [];

  constructor(deps: DriverDeps) {
    this.#deps = deps;
  }

  /** What it refused on the way. Rejects when the core halts. */
  async feed(input: BftInput): Promise<readonly Refusal[]> {
    return await this.#carryOut(this.#deps.core.step(input));
  }

  async replay(start: BftHeight, entries: readonly Uint8Array[]): Promise<void> {
    await this.#carryOut(this.#deps.core.replay(start, entries));
  }

  async #carryOut(first: BftStep): Promise<readonly Refusal[]> {
    const { core, journal, signing } = this.#deps;
    this.#refusals = [];
    for (let step = first; ; ) {
      for (const effect of step.effects) {
        if (needsSync(effect)) await journal.flush();
        this.#perform(effect);
      }
      if (step.sign === undefined) return this.#refusals;
      this.#deps.hooks.signs(step.sign);
      // The log first: were only the protection's record on the disk after a power cut, the replay could come to another vote,
      // which the record forbids, and a node that may not vote in a round can hold up all others.
      await journal.flush();
      const signature = await signing?.sign(step.sign);
      step = core.resume(signing?.mute === undefined ? signature : undefined);
    }
  }

  #perform(effect: BftEffect): void {
    const { hooks, journal, log, signing, timers } = this.#deps;
    switch (effect.kind) {
      case 'schedule-timeout': {
        const { timeout } = effect;
        timers.schedule(timeout, () => hooks.rang({ kind: 'timeout', timeout }));
        return;
      }
      case 'cancel-timeout':
        timers.cancel(effect.timeout);
        return;
      case 'cancel-all-timeouts':
        timers.cancelAll();
        return;
      case 'start-round':
        hooks.roundStarted(effect);
        return;
      case 'get-value':
        if (signing?.mute === undefined) hooks.build(effect.height, effect.round);
        return;
      case 'publish':
        if (signing?.mute === undefined) hooks.publish(effect);
        return;
      case 'restream':
        return; // every proposal is sent with its body (P27)
      case 'wal':
        journal.core(effect.height, effect.entry);
        return;
      case 'decide':
        hooks.decided(effect.height);
        return;
      case 'finalize':
        hooks.finalize(effect);
        return;
      case 'refused':
        this.#refusals.push({ reason: effect.reason, bytes: effect.bytes });
        return;
      case 'trouble':
        log.warn({ detail: effect.message }, 'consensus core gave up an input');
        return;
    }
  }
}

function needsSync({ kind }: BftEffect): boolean {
  return kind === 'publish' || kind === 'decide' || kind === 'finalize';
}

/** Evidence that is kept, newest last (P35). */
export class Misbehaviour {
  static readonly #MAX = 256;
  #seen: BftEvidence[] = [];
  #total = 0;

  get list(): readonly BftEvidence[] {
    return this.#seen;
  }

  get total(): number {
    return this.#total;
  }

  add(evidence: readonly BftEvidence[]): void {
    this.#total += evidence.length;
    this.#seen = [...this.#seen, ...evidence].slice(-Misbehaviour.#MAX);
  }
}
