import { PyralogError } from '../base/errors.ts';

/** How a member goes on when its own core cannot say what became of a proposal, or nobody leads. */
export interface RepeatOptions {
  /** From the first failure on, milliseconds; what fails later is told. */
  readonly patienceMs: number;
  readonly waitMsFirst: number;
  readonly waitMsMax: number;
  /** Records that may come between a try and its repeat: fewer than a repeat is recognised within (N3). */
  readonly recordsMax: number;
}

export interface RepeatDeps {
  /** Records of the log that can be read here. */
  readonly size: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Resolves after so many milliseconds; rejects with the signal's reason. */
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Proposes until the outcome is known: what was taken already is recognised by its key or content (N1, N12), so that a
 * repeat adds nothing. Once one outcome was unknown, a later refusal does not say that nothing was taken.
 *
 * Rejects with the last refusal, or with the newest `log/outcome-unknown` or `consensus/outcome-unknown` if there was one.
 */
export async function repeated<T>(
  attempt: () => Promise<T>,
  options: RepeatOptions & { readonly signal: AbortSignal | undefined },
  { size, now, pause, random }: RepeatDeps,
): Promise<T> {
  const { patienceMs, recordsMax, signal } = options;
  const sizeFirst = size();
  let until: number | undefined;
  let unknown: unknown;
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (isUnknown(error)) unknown = error;
      until ??= now() + patienceMs;
      const ms = waitMs(options, tried, random());
      const mayRepeat = isForNow(error, unknown !== undefined) && !signal?.aborted;
      const isKnown = unknown === undefined || size() - sizeFirst <= recordsMax;
      if (!mayRepeat || !isKnown || now() + ms >= until) throw unknown ?? error;
      // A caller who gives up meanwhile is told what is known so far.
      await pause(ms, signal).catch(() => Promise.reject(unknown ?? error));
    }
  }
}

function waitMs({ waitMsFirst, waitMsMax }: RepeatOptions, tried: number, chance: number): number {
  return Math.min(waitMsMax, waitMsFirst * 2 ** (tried - 1)) * (0.5 + chance / 2);
}

function codeOf(error: unknown): string {
  return error instanceof PyralogError ? error.code : '';
}

function isUnknown(error: unknown): boolean {
  return ['log/outcome-unknown', 'consensus/outcome-unknown'].includes(codeOf(error));
}

/** Open, or nothing was taken and soon something may be. One who has no open outcome is told of a full queue at once. */
function isForNow(error: unknown, hasOpenOutcome: boolean): boolean {
  const code = codeOf(error);
  return (
    isUnknown(error) || code === 'log/not-leader' || (hasOpenOutcome && code === 'log/overloaded')
  );
}
