import type { Clock } from '../base/time.ts';
import type { Fault, PeerId } from './types.ts';

/** At this score a peer is banned (G12). */
export const BAN_SCORE = -100;

/** Half of what a peer did is forgotten after this long: 10 minutes, a few times the longest honest trouble. */
const HALF_LIFE_MS = 600_000;

/** Peers remembered; ids are free, so a book without a bound is a leak. */
const PEERS_MAX = 4_096;

/**
 * Points of each fault (G12): a little more than a whole share of the ban, since the first is half forgotten a little
 * already when the last comes. What no honest node does costs most; being away costs next to nothing, since a paused
 * or partitioned validator must not come back to find itself banned.
 */
const POINTS: Readonly<Record<Fault, number>> = {
  malformed: 60,
  invalid: 30,
  oversized: 60,
  flood: 25,
  'wrong-network': 100,
  'wrong-genesis': 100,
  'old-version': 60,
  unresponsive: 1,
};

export interface ScoreEntry {
  readonly id: PeerId;
  /** As of `at`, Unix milliseconds. */
  readonly score: number;
  readonly at: number;
  /** Unix milliseconds; in the past or 0 when not banned. */
  readonly bannedUntil: number;
}

/** What peers did wrong, forgotten bit by bit. By wall time, because bans outlive the process. */
export class ScoreBook {
  readonly #clock: Clock;
  readonly #banMs: number;
  readonly #entries = new Map<PeerId, ScoreEntry>();

  constructor(clock: Clock, banMs: number, entries: readonly ScoreEntry[] = []) {
    this.#clock = clock;
    this.#banMs = banMs;
    for (const entry of entries) this.#entries.set(entry.id, entry);
  }

  /** True when this fault gets the peer banned, now. After the ban it begins with half of a spotless score. */
  report(id: PeerId, fault: Fault): boolean {
    const at = this.#clock.wall();
    const wasBanned = this.isBanned(id);
    const score = Math.max(BAN_SCORE, this.score(id) - POINTS[fault]);
    const banned = score <= BAN_SCORE && !wasBanned;
    const bannedUntil = banned ? at + this.#banMs : (this.#entries.get(id)?.bannedUntil ?? 0);
    this.#entries.delete(id);
    this.#entries.set(id, { id, score, at, bannedUntil });
    this.#forgetOldest();
    return banned;
  }

  /** An operator's ban: for `ms` from now, whatever the score; a shorter one does not end a longer. */
  ban(id: PeerId, ms: number): void {
    const at = this.#clock.wall();
    const before = this.#entries.get(id);
    const bannedUntil = Math.max(at + ms, before?.bannedUntil ?? 0);
    this.#entries.delete(id);
    this.#entries.set(id, { id, score: this.score(id), at, bannedUntil });
    this.#forgetOldest();
  }

  /** Ends a ban and forgets the score; false when there was none. */
  unban(id: PeerId): boolean {
    return this.isBanned(id) && this.#entries.delete(id);
  }

  score(id: PeerId): number {
    const entry = this.#entries.get(id);
    if (entry === undefined) return 0;
    if (entry.bannedUntil > this.#clock.wall()) return BAN_SCORE;
    const from = Math.max(entry.at, entry.bannedUntil);
    const score = entry.bannedUntil > entry.at ? BAN_SCORE / 2 : entry.score;
    return score * 0.5 ** (Math.max(0, this.#clock.wall() - from) / HALF_LIFE_MS);
  }

  isBanned(id: PeerId): boolean {
    return (this.#entries.get(id)?.bannedUntil ?? 0) > this.#clock.wall();
  }

  bannedCount(): number {
    const now = this.#clock.wall();
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.bannedUntil > now) count++;
    return count;
  }

  entries(): ScoreEntry[] {
    return [...this.#entries.values()];
  }

  #forgetOldest(): void {
    if (this.#entries.size <= PEERS_MAX) return;
    for (const id of this.#entries.keys()) {
      this.#entries.delete(id);
      return;
    }
  }
}
