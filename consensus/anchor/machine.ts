import { assert, unreachable } from '../../base/errors.ts';
import type { Instant } from '../../base/time.ts';
import type { Effect, Input, Limits, State, Step } from './types.ts';

/** `anchoredSize` is what the chain already holds of this log. */
export function start(limits: Limits, anchoredSize: number): State {
  assert(limits.intervalMs > 0, 'an anchor interval is positive');
  return { limits, pending: undefined, inFlight: undefined, anchoredSize, nextAt: 0 };
}

/**
 * Decides when a log's checkpoint is anchored into the network chain.
 *
 * Checkpoints arrive far faster than blocks, and each one covers all before it, so only the newest is worth sending:
 * the chain pays for one anchor per interval whatever the write rate. A second anchor is never in flight, because two
 * that land out of order would look to an auditor like a log that shrank, and because each has to prove that it extends
 * the one before.
 *
 * See docs/spec/anchor.md for the rules A1 to A4 named in the comments below.
 */
export function step(state: State, input: Input): Step {
  switch (input.kind) {
    case 'checkpoint': {
      // A1: keep the newest; a checkpoint that covers no more records is old news.
      const known = state.pending?.size ?? state.inFlight?.size ?? state.anchoredSize;
      if (input.checkpoint.size <= known) return { state, effects: [] };
      return {
        state: { ...state, pending: input.checkpoint },
        effects: [{ kind: 'wake', at: state.nextAt }],
      };
    }
    case 'tick':
      return submit(state, input.now);
    case 'anchored': {
      const { inFlight } = state;
      assert(inFlight?.size === input.size, 'only the anchor in flight is answered');
      assert(input.size > state.anchoredSize, 'the anchored log only grows');
      const settled: State = { ...state, inFlight: undefined, anchoredSize: input.size };
      const final: Effect = { kind: 'final', checkpoint: inFlight, height: input.height };
      return { state: settled, effects: [final, ...wakeIfPending(settled)] };
    }
    case 'rejected':
      return putBack(state, input.size, input);
    default:
      return unreachable(input);
  }
}

/** A4: what was refused goes back, unless something newer took its place. */
function putBack(
  state: State,
  size: number,
  answer: { readonly now: Instant; readonly anchoredSize?: number },
): Step {
  assert(state.inFlight?.size === size, 'only the anchor in flight is answered');
  const anchoredSize = Math.max(state.anchoredSize, answer.anchoredSize ?? 0);
  const next = state.pending ?? state.inFlight;
  const nextAt = answer.now + state.limits.retryMs;
  const retry: State = {
    ...state,
    // What the chain holds already needs no second anchor.
    pending: next.size > anchoredSize ? next : undefined,
    inFlight: undefined,
    anchoredSize,
    nextAt,
  };
  return { state: retry, effects: wakeIfPending(retry) };
}

function submit(state: State, now: Instant): Step {
  // A2: one anchor in flight. A3: one anchor per interval.
  if (state.pending === undefined || state.inFlight !== undefined) return { state, effects: [] };
  if (now < state.nextAt) return { state, effects: [{ kind: 'wake', at: state.nextAt }] };
  const checkpoint = state.pending;
  return {
    state: {
      ...state,
      pending: undefined,
      inFlight: checkpoint,
      nextAt: now + state.limits.intervalMs,
    },
    effects: [{ kind: 'submit', checkpoint, from: state.anchoredSize }],
  };
}

function wakeIfPending(state: State): readonly Effect[] {
  return state.pending === undefined ? [] : [{ kind: 'wake', at: state.nextAt }];
}
