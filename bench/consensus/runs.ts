/** The two ways to load a chain: at a rate, and as fast as it answers. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Lane } from './lane.ts';
import type { Link } from './link.ts';
import { type Share, submitFrame, submitJson } from './submit.ts';
import { Tally } from './tally.ts';
import type { LoadResult, LoopCommand, RateCommand } from './types.ts';

/** How often a frame is made of what came since. */
const TICK_MS = 4;
/** One transaction in so many of the packed is asked about by itself. */
const ASK_EVERY = 16;
/** One account's share of a frame. */
const SHARE_MAX = 64;
/** Refused accounts look again so often. */
const IDLE_MS = 5;

/** A run at a rate: what it has to send with, and where it counts. */
interface Run {
  readonly lanes: readonly Lane[];
  readonly tally: Tally;
  readonly out: Outstanding;
}

/** Resolves when everything sent is final: the last of each account is asked about, and nonces are in order. */
export async function runRate(
  lanes: readonly Lane[],
  { via, perSecond, ms }: RateCommand,
): Promise<LoadResult> {
  const run: Run = { lanes, tally: new Tally(), out: new Outstanding() };
  const { tally, out } = run;
  const send = via === 'json' ? sendCalls : sendFrames;
  const total = Math.floor((perSecond * ms) / 1000);
  let offered = 0;
  while (tally.elapsedMs < ms && out.failure === undefined) {
    const due = Math.min(total, Math.floor((perSecond * tally.elapsedMs) / 1000)) - offered;
    offered += send(run, due, offered);
    await wait(TICK_MS);
  }
  tally.endOffer();
  await out.settled();
  if (via === 'packed') await closeLanes(lanes, tally);
  return tally.result();
}

function sendCalls({ lanes, tally, out }: Run, count: number, from: number): number {
  let sent = 0;
  for (; sent < count; sent++) {
    const lane = lanes[(from + sent) % lanes.length];
    const bytes = lane?.take();
    if (lane === undefined || bytes === undefined) break;
    out.add(submitJson(lane, bytes, tally));
  }
  return sent;
}

function sendFrames({ lanes, tally, out }: Run, count: number, from: number): number {
  let sent = 0;
  for (const [link, shares] of sharesOf(lanes, count, from)) {
    sent += shares.reduce((sum, { transactions }) => sum + transactions.length, 0);
    const waits = submitFrame(link, shares, tally);
    out.add(waits.then((list) => list.forEach((one) => void out.add(one))));
  }
  return sent;
}

/** Deals `count` transactions out to the accounts that may send now, beginning with number `from` of the run. */
function sharesOf(lanes: readonly Lane[], count: number, from: number): Map<Link, Share[]> {
  const now = performance.now();
  const free = lanes.filter((lane) => !lane.busy && lane.pausedUntil <= now && lane.ready > 0);
  const each = Math.min(SHARE_MAX, Math.ceil(count / Math.max(1, free.length)));
  const frames = new Map<Link, Share[]>();
  let sent = 0;
  for (let i = 0; i < free.length && sent < count; i++) {
    const lane = free[(from + i) % free.length];
    if (lane === undefined) break;
    const transactions = takeUpTo(lane, Math.min(each, count - sent));
    const before = from + sent;
    sent += transactions.length;
    const asks = Math.floor((from + sent) / ASK_EVERY) > Math.floor(before / ASK_EVERY);
    const shares = frames.get(lane.link) ?? [];
    shares.push({ lane, transactions, asked: asks ? transactions.length - 1 : -1 });
    frames.set(lane.link, shares);
  }
  return frames;
}

function takeUpTo(lane: Lane, count: number): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = lane.take();
    if (bytes === undefined) break;
    taken.push(bytes);
  }
  return taken;
}

/** One more transaction of each account, awaited: those before it are final when it is (X4). */
async function closeLanes(lanes: readonly Lane[], tally: Tally): Promise<void> {
  await Promise.all(
    lanes.map(async (lane) => {
      for (;;) {
        const now = performance.now();
        if (lane.pausedUntil > now) await wait(lane.pausedUntil - now);
        const bytes = lane.take();
        if (bytes === undefined) return;
        const before = tally.refused;
        await submitJson(lane, bytes, tally);
        if (tally.refused === before) return;
      }
    }),
  );
}

/** Each account has `burst` transactions out; when the last of them is final it sends again, until the time is over. */
export async function runLoop(
  lanes: readonly Lane[],
  { via, burst, ms }: LoopCommand,
): Promise<LoadResult> {
  const tally = new Tally();
  const oneBurst = (lane: Lane) =>
    via === 'json' ? callBurst(lane, burst, tally) : frameBurst(lane, burst, tally);
  await Promise.all(
    lanes.map(async (lane) => {
      while (tally.elapsedMs < ms && lane.ready > 0) {
        if (lane.pausedUntil > performance.now()) await wait(IDLE_MS);
        else await oneBurst(lane);
      }
    }),
  );
  tally.endOffer();
  return tally.result();
}

async function callBurst(lane: Lane, burst: number, tally: Tally): Promise<void> {
  const calls = takeUpTo(lane, burst).map((bytes) => submitJson(lane, bytes, tally));
  await Promise.all(calls);
}

async function frameBurst(lane: Lane, burst: number, tally: Tally): Promise<void> {
  const transactions = takeUpTo(lane, burst);
  const asked = transactions.length - 1;
  await Promise.all(await submitFrame(lane.link, [{ lane, transactions, asked }], tally));
}

/** Work that nobody awaits one by one; the first failure is kept. */
class Outstanding {
  #count = 0;
  #idle = Promise.withResolvers<void>();
  failure: unknown;

  add(work: Promise<unknown>): void {
    this.#count++;
    work
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => {
        this.#count--;
        if (this.#count === 0) this.#idle.resolve();
      });
  }

  /** Rejects with the first failure. */
  async settled(): Promise<void> {
    while (this.#count > 0 && this.failure === undefined) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
    if (this.failure !== undefined) throw this.failure;
  }
}
