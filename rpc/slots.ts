/** What one caller may have at once: calls in flight a connection, calls a second an address (rpc.md R4). */
import { rpcError } from './errors.ts';
import { isLoopback, type RateLimiter, rateKey } from './rate.ts';
import type { RpcLimits } from './types.ts';

export class Slots {
  readonly #callsInFlightMax: number;
  readonly #rate: RateLimiter | undefined;
  readonly #key: string;
  #inFlight = 0;

  /** `rate` is undefined when there is no limit. */
  constructor(limits: RpcLimits, rate: RateLimiter | undefined, address: string) {
    this.#callsInFlightMax = limits.callsInFlightMax;
    this.#rate = isLoopback(address) && !limits.limitLoopback ? undefined : rate;
    this.#key = this.#rate === undefined ? '' : rateKey(address);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a slot, or throws why there is none. */
  admit(): void {
    if (this.#inFlight >= this.#callsInFlightMax) {
      const message = `${this.#callsInFlightMax} calls of this connection are in flight: wait for answers`;
      throw rpcError('rpc/too-busy', message);
    }
    const retryAfterMs = this.#rate?.take(this.#key) ?? 0;
    if (retryAfterMs > 0) {
      throw rpcError('rpc/rate-limited', 'too many calls a second from this address', {
        retryAfterMs,
      });
    }
    this.#inFlight++;
  }

  release(): void {
    this.#inFlight--;
  }
}
