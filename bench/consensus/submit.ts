/** One or more transactions on their way: taken, or asked to come again; and final. */
import { setTimeout as wait } from 'node:timers/promises';
import type { TransactionOutcome } from '../../api/index.ts';
import { toHex } from '../../base/bytes.ts';
import { BenchError } from '../errors.ts';
import type { Lane } from './lane.ts';
import { isTooMuch, type Link } from './link.ts';
import type { Tally } from './tally.ts';

/** Longer than any bar: a transaction that is not final by then is lost, and the run has failed. */
const FINAL_MS_MAX = 60_000;
const RETRY_MS_MIN = 20;

/** One call a transaction: its answer says that it is final. */
export async function submitJson(lane: Lane, bytes: Uint8Array, tally: Tally): Promise<void> {
  const sentAt = performance.now();
  const params = { transaction: toHex(bytes), waitFor: 'final', timeoutMs: FINAL_MS_MAX };
  const answer = await lane.link.call('chain_submitTransaction', params);
  if (answer.ok) {
    const { id, status } = answer.result;
    await settled(lane.link, String(id), status);
    tally.took(bytes.length);
    tally.final(sentAt);
    return;
  }
  const { reason, message, retryAfterMs } = answer.refusal;
  refuse(lane, [bytes], { reason, message, retryAfterMs, tally });
}

/** What one account puts into a frame; `asked` is the place of the one whose finality is awaited, or -1. */
export interface Share {
  readonly lane: Lane;
  readonly transactions: readonly Uint8Array[];
  readonly asked: number;
}

/**
 * One frame for the transactions of several accounts. Resolves with the answers awaited, one a share that asks: each is
 * final when its promise resolves.
 */
export async function submitFrame(
  link: Link,
  shares: readonly Share[],
  tally: Tally,
): Promise<Promise<void>[]> {
  const sentAt = performance.now();
  for (const { lane } of shares) lane.busy = true;
  const answer = await link.submit(shares.flatMap(({ transactions }) => transactions));
  for (const { lane } of shares) lane.busy = false;
  if ('reason' in answer) {
    for (const { lane, transactions } of shares) refuse(lane, transactions, { ...answer, tally });
    return [];
  }
  let at = 0;
  return shares.flatMap((share) => {
    const outcomes = answer.slice(at, at + share.transactions.length);
    at += outcomes.length;
    const id = judge(share, outcomes, tally);
    return id === undefined ? [] : [untilFinal(link, id, { sentAt, tally })];
  });
}

/** Counts what was taken and gives back what was not; answers the id of the one asked about, if it was taken. */
function judge(
  { lane, transactions, asked }: Share,
  outcomes: readonly TransactionOutcome[],
  tally: Tally,
): Uint8Array | undefined {
  const back: Uint8Array[] = [];
  let retryAfterMs = 0;
  for (const [i, bytes] of transactions.entries()) {
    const outcome = outcomes[i];
    if (outcome?.code === 'taken') tally.took(bytes.length);
    else {
      mustBeTooMuch(outcome?.code ?? 'nothing', 'a transaction of a frame');
      retryAfterMs = Math.max(retryAfterMs, outcome?.retryAfterMs ?? 0);
      back.push(bytes);
    }
  }
  if (back.length > 0) pause(lane, back, { retryAfterMs, tally });
  const wanted = outcomes[asked];
  return wanted?.code === 'taken' ? wanted.id : undefined;
}

async function untilFinal(
  link: Link,
  id: Uint8Array,
  { sentAt, tally }: { sentAt: number; tally: Tally },
): Promise<void> {
  await settled(link, toHex(id), await statusOf(link, toHex(id)));
  tally.final(sentAt);
}

/** Goes on asking about a transaction that was evicted, by one that pays more: it may stand in another node's next block. */
async function settled(link: Link, id: string, first: unknown): Promise<void> {
  const end = performance.now() + FINAL_MS_MAX;
  let status = first;
  while (isEvicted(status) && performance.now() < end) {
    await wait(RETRY_MS_MIN);
    status = await statusOf(link, id);
  }
  mustBeFinal(status);
}

function statusOf(link: Link, id: string): Promise<unknown> {
  const params = { id, waitFor: 'final', timeoutMs: FINAL_MS_MAX };
  return link.need('chain_transactionStatus', params);
}

function refuse(
  lane: Lane,
  transactions: readonly Uint8Array[],
  why: { reason: string; message: string; retryAfterMs: number; tally: Tally },
): void {
  mustBeTooMuch(why.reason, why.message);
  pause(lane, transactions, why);
}

function pause(
  lane: Lane,
  transactions: readonly Uint8Array[],
  { retryAfterMs, tally }: { retryAfterMs: number; tally: Tally },
): void {
  tally.refused += transactions.length;
  lane.giveBack(transactions);
  lane.pausedUntil = performance.now() + Math.max(RETRY_MS_MIN, retryAfterMs);
}

function mustBeTooMuch(reason: string, what: string): void {
  if (!isTooMuch(reason)) throw new BenchError('bench/wrong-answer', `${what}: ${reason}`);
}

function isEvicted(status: unknown): boolean {
  const { state, code } = { state: undefined, code: '', ...(status as object) };
  return state === 'dropped' && isTooMuch(String(code));
}

function mustBeFinal(status: unknown): void {
  const { state } = { state: undefined, ...(status as object) };
  if (state !== 'final')
    throw new BenchError('bench/wrong-answer', `a transaction is ${JSON.stringify(status)}`);
}
