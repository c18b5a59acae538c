import type { Clock } from '../../base/time.ts';
import type { ChainError } from '../types.ts';
import type { Candidate } from './candidate.ts';
import type { Drain } from './drain.ts';
import type { Facts } from './facts.ts';
import type { Pool } from './pool.ts';
import * as refuse from './refusals.ts';
import { SENDER_MAX, type SenderQueue, type Waiting } from './sender-queue.ts';
import type { StateReads } from './types.ts';

/** X18: an offer for a nonce that is taken must be so much higher. */
const REPLACE_PART = 10n;

/**
 * X17: so far ahead is a sender who is merely faster than the blocks, or than what this node has heard of; a second or more of all that
 * a network takes. Beyond it, trying again does not help.
 */
const LAG_MAX = 16n * BigInt(SENDER_MAX);

/** What may be done with a candidate: refused with a reason, known already, or put in its place. */
export type Judgement =
  | { readonly kind: 'refused'; readonly error: ChainError }
  | { readonly kind: 'waits' }
  | {
      readonly kind: 'fits';
      readonly nonce: bigint;
      readonly payer: string;
      readonly balance: bigint;
      /** What goes for it: the one it replaces, and the worst paying ones if there is no room (X19). */
      readonly replaced: Waiting | undefined;
      readonly victims: readonly Waiting[];
    };

export interface JudgeDeps {
  readonly clock: Clock;
  readonly state: Pick<StateReads, 'height'>;
  readonly pool: Pool;
  readonly drain: Drain;
}

/** Says what is to be done with a candidate, by the rules X16 to X19; changes nothing. */
export class Judge {
  readonly #deps: JudgeDeps;
  readonly #limits: { readonly countMax: number; readonly bytesMax: number };

  constructor(deps: JudgeDeps, limits: { readonly countMax: number; readonly bytesMax: number }) {
    this.#deps = deps;
    this.#limits = limits;
  }

  of(candidate: Candidate, facts: Facts): Judgement {
    if (this.#deps.pool.get(candidate.key) !== undefined) return { kind: 'waits' };
    const { until, nonce } = candidate.transaction;
    const height = this.#deps.state.height();
    if (until > 0 && until <= height) return refused(refuse.expired(until, height));
    const expected = facts.nonce(candidate);
    const misplaced = nonceProblem(nonce, expected);
    if (misplaced !== undefined) return refused(misplaced);
    const queue = this.#deps.pool.queue(candidate.senderKey);
    const replaced = queue?.at(Number(nonce - expected));
    const outbid = replaced && replaceProblem(candidate, replaced);
    if (outbid !== undefined) return refused(outbid);
    if (nonce - expected >= BigInt(SENDER_MAX)) {
      const why = `nonce ${nonce} is ${SENDER_MAX} ahead of the account's, ${expected}; those before it come first (X17)`;
      return refused(this.#full(why));
    }
    const purse = facts.purse(candidate);
    const unpaid = this.#paymentProblem(candidate, facts, replaced);
    if (unpaid !== undefined) return refused(unpaid);
    const victims = this.#victims(candidate, queue, replaced, Number(nonce - expected));
    if (victims === undefined) {
      return refused(
        this.#full(
          `${this.#deps.pool.count} transactions wait, and all pay more per byte; pay more than they, or wait`,
        ),
      );
    }
    const { key: payer, balance } = purse;
    return { kind: 'fits', nonce: expected, payer, balance, replaced, victims };
  }

  /** X16: the payer must be able to pay all that it has waiting; of anchors, the sender must be a submitter (X7). */
  #paymentProblem(
    candidate: Candidate,
    facts: Facts,
    replaced: Waiting | undefined,
  ): ChainError | undefined {
    const { cluster: name, transaction, cost } = candidate;
    if (name !== undefined) {
      const cluster = facts.cluster(name);
      const sender = Buffer.from(transaction.sender);
      if (!cluster?.submitters.some((key) => sender.equals(key))) {
        return refuse.notSubmitter(name, cluster !== undefined);
      }
    }
    const { key, balance, name: payer } = facts.purse(candidate);
    const freed = replaced?.payer === key ? replaced.cost : 0n;
    const needed = (this.#deps.pool.payer(key)?.pledged ?? 0n) - freed + cost;
    return needed > balance ? refuse.insufficient(payer, balance, needed) : undefined;
  }

  #victims(
    candidate: Candidate,
    queue: SenderQueue | undefined,
    replaced: Waiting | undefined,
    position: number,
  ): Waiting[] | undefined {
    const { countMax, bytesMax } = this.#limits;
    const freed = replaced?.bytes.length ?? 0;
    const { count, bytes } = this.#deps.pool;
    return this.#deps.pool.victims(
      { queue, position, rate: candidate.rate },
      {
        count: count + (replaced === undefined ? 1 : 0) - countMax,
        bytes: bytes + candidate.bytes.length - freed - bytesMax,
      },
    );
  }

  #full(why: string): ChainError {
    return refuse.full(
      this.#deps.drain.retryAfterMs(this.#deps.pool.count, this.#deps.clock.monotonic()),
      why,
    );
  }
}

function refused(error: ChainError): Judgement {
  return { kind: 'refused', error };
}

/** X4, X17. */
function nonceProblem(nonce: bigint, expected: bigint): ChainError | undefined {
  if (nonce < expected) return refuse.badNonce(nonce, expected, 'was used already (X4)');
  if (nonce - expected <= LAG_MAX) return undefined;
  return refuse.badNonce(nonce, expected, `is more than ${LAG_MAX} ahead (X17)`);
}

/** X18. */
function replaceProblem(candidate: Candidate, replaced: Waiting): ChainError | undefined {
  const { fee } = replaced.transaction;
  const tenth = (fee + REPLACE_PART - 1n) / REPLACE_PART;
  const minimum = fee + (tenth > 1n ? tenth : 1n);
  const offered = candidate.transaction.fee;
  if (offered >= minimum) return undefined;
  return refuse.feeTooLow(
    offered,
    minimum,
    'to replace the one that waits with this nonce (X18) takes',
  );
}
