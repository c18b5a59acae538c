/**
 * Calls a second per client address (rpc.md R4): one token bucket an address, holding one second's worth.
 *
 * An IPv6 client owns a whole /64, so that is what is counted. Full buckets are dropped, which bounds memory by the
 * addresses seen within a second.
 */

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets that are looked at for dropping when one more would be added. */
const SWEEP_ABOVE = 4_096;

export class RateLimiter {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `nowMs` is monotonic. */
  constructor(perSecond: number, nowMs: () => number) {
    this.#perSecond = perSecond;
    this.#nowMs = nowMs;
  }

  /** Takes one call's token: 0, or milliseconds until there is one. */
  take(key: string): number {
    const now = this.#nowMs();
    const bucket = this.#bucket(key, now);
    const earned = ((now - bucket.atMs) / 1_000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + earned);
    bucket.atMs = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - bucket.tokens) / this.#perSecond) * 1_000);
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  #bucket(key: string, now: number): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    if (this.#buckets.size >= SWEEP_ABOVE) this.#dropFull(now);
    const bucket = { tokens: this.#perSecond, atMs: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #dropFull(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.atMs >= 1_000) this.#buckets.delete(key);
    }
  }
}

/** What an address is counted under. */
export function rateKey(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = (plain.split('%')[0] ?? plain).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros: string[] = Array.from(
    { length: Math.max(0, 8 - before.length - after.length) },
    () => '0',
  );
  return [...before, ...(tail === undefined ? [] : zeros), ...after].slice(0, 4).join(':');
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
