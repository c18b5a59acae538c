import type { Peer } from './peers.ts';

/** One request in so many goes to a peer that has not shown what it is worth, while others have. */
const TRY_EVERY = 4;
/** A peer that failed is passed over for so many times the longest wait at most. */
const FAILURES_MAX = 8;

interface Standing {
  /** Milliseconds a block took it, the newest answers counting most; undefined: its newest request brought none. */
  pace: number | undefined;
  failures: number;
  /** Since when it waits for its turn; later than now: it is passed over until then. */
  since: number;
}

/**
 * Whom to ask for blocks (P32): who delivered them fastest. Heads are claims and count for nothing but who can be asked at
 * all; who delivered nothing yet waits in line, a stranger that comes anew (or once more, under another name) at its end,
 * and a peer that failed likewise. So neither great claims nor many names keep blocks from coming.
 */
export class SyncPeers {
  readonly #standings = new Map<Peer, Standing>();
  #asked = 0;

  /** The next to ask of those that claim a greater height than `head`; undefined: nobody now. */
  next(peers: Iterable<Peer>, head: number, now: number): Peer | undefined {
    const able: { peer: Peer; standing: Standing }[] = [];
    for (const peer of peers) {
      const standing = this.#standings.get(peer);
      if (standing !== undefined && standing.since <= now && peer.head > head) {
        able.push({ peer, standing });
      }
    }
    const fastest = least(able, ({ standing }) => standing.pace);
    const first = least(able, ({ standing: { pace, since } }) =>
      pace === undefined ? since : undefined,
    );
    this.#asked++;
    const untried = this.#asked % TRY_EVERY === 0;
    return (untried ? (first ?? fastest) : (fastest ?? first))?.peer;
  }

  /** It takes its place in the line. */
  connected(peer: Peer, now: number): void {
    this.#standings.set(peer, { pace: undefined, failures: 0, since: now });
  }

  forget(peer: Peer): void {
    this.#standings.delete(peer);
  }

  /** It answered with blocks that were final, so many in that time (ms). */
  delivered(peer: Peer, blocks: number, millis: number): void {
    const standing = this.#standings.get(peer);
    if (standing === undefined) return; // it has gone
    const pace = millis / blocks;
    standing.pace = standing.pace === undefined ? pace : (standing.pace + pace) / 2;
    standing.failures = 0;
  }

  /** It did not answer, with nothing, or with what is false: passed over for `wait` (ms), each time in a row for longer. */
  failed(peer: Peer, now: number, wait: number): void {
    const standing = this.#standings.get(peer);
    if (standing === undefined) return; // it has gone
    standing.pace = undefined;
    standing.failures = Math.min(standing.failures + 1, FAILURES_MAX);
    standing.since = now + wait * standing.failures;
  }
}

/** The first one of least value; those without a value do not count. */
function least<T>(all: readonly T[], valueIn: (one: T) => number | undefined): T | undefined {
  let found: { one: T; value: number } | undefined;
  for (const one of all) {
    const value = valueIn(one);
    if (value !== undefined && value < (found?.value ?? Number.POSITIVE_INFINITY)) {
      found = { one, value };
    }
  }
  return found?.one;
}
