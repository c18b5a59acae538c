/** What a run came to: latencies, counts, and the moment it was over. */
import { median, quantile } from '../sample.ts';
import type { LoadResult } from './types.ts';

export class Tally {
  readonly #latencies: number[] = [];
  readonly #cpu = process.cpuUsage();
  readonly #start = performance.now();
  #last = this.#start;
  #offered = this.#start;
  #bytes = 0;
  sent = 0;
  refused = 0;

  get elapsedMs(): number {
    return performance.now() - this.#start;
  }

  /** A transaction or submission was taken. */
  took(bytes: number): void {
    this.sent++;
    this.#bytes += bytes;
  }

  /** One that was sent at `sentAt` is final now. */
  final(sentAt: number): void {
    this.#last = performance.now();
    this.#latencies.push(this.#last - sentAt);
  }

  /** Nothing new is sent from now on. */
  endOffer(): void {
    this.#offered = performance.now();
  }

  /** Everything that was taken is final. */
  result(): LoadResult {
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      count: this.sent,
      seconds: (this.#last - this.#start) / 1000,
      p50Ms: median(this.#latencies),
      p99Ms: quantile(this.#latencies, 0.99),
      drainMs: Math.max(0, this.#last - this.#offered),
      refused: this.refused,
      cpuMicros: user + system,
      bytes: this.sent === 0 ? 0 : this.#bytes / this.sent,
    };
  }
}
