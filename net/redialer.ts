import type { Clock } from '../base/time.ts';
import type { PeerId } from './types.ts';

export interface RedialerDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves when the peer is connected, rejects when it is not. */
  readonly dial: (peer: PeerId, address: string) => Promise<void>;
}

export interface RedialerOptions {
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** Failures in a row after which a peer that need not be kept is given up. */
  readonly attemptsMax: number;
}

interface Wanted {
  address: string;
  keep: boolean;
  attempt: number;
  connectedAt: number | undefined;
  dialling: boolean;
  cancel: () => void;
}

/**
 * Dials peers until they are connected, and again when they are lost (G11).
 *
 * Waits double from `redialMsMin` to `redialMsMax`, times 0.5 to 1.5: validators that lost each other at the same
 * moment must not meet in lockstep. The wait begins small again only after a connection that lasted; a peer that
 * refuses us right after the handshake is a peer that cannot be reached.
 */
export class Redialer {
  readonly #deps: RedialerDeps;
  readonly #options: RedialerOptions;
  readonly #wanted = new Map<PeerId, Wanted>();
  #closed = false;

  constructor(deps: RedialerDeps, options: RedialerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Whether this peer is to be connected however often it fails. */
  keeps(peer: PeerId): boolean {
    return this.#wanted.get(peer)?.keep === true;
  }

  /** How many such peers there are. */
  kept(): number {
    let count = 0;
    for (const { keep } of this.#wanted.values()) if (keep) count++;
    return count;
  }

  /** From now on this peer should be connected; `keep` = however often it fails. */
  want(peer: PeerId, address: string, keep: boolean): void {
    if (this.#closed) return;
    const known = this.#wanted.get(peer);
    if (known !== undefined) {
      known.address = address;
      known.keep ||= keep;
      return;
    }
    const wanted: Wanted = {
      address,
      keep,
      attempt: 0,
      connectedAt: undefined,
      dialling: false,
      cancel: () => {},
    };
    this.#wanted.set(peer, wanted);
    this.#dial(peer, wanted);
  }

  wants(peer: PeerId): boolean {
    return this.#wanted.has(peer);
  }

  connected(peer: PeerId): void {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined) return;
    wanted.cancel();
    wanted.connectedAt = this.#deps.clock.monotonic();
  }

  lost(peer: PeerId): void {
    const wanted = this.#wanted.get(peer);
    if (wanted === undefined || wanted.connectedAt === undefined) return;
    const lastedMs = this.#deps.clock.monotonic() - wanted.connectedAt;
    if (lastedMs >= this.#options.redialMsMax) wanted.attempt = 0;
    wanted.connectedAt = undefined;
    this.#later(peer, wanted);
  }

  /** Whatever was in the way is gone: everyone who is missing is dialled soon. */
  hurry(): void {
    for (const [peer, wanted] of this.#wanted) {
      wanted.attempt = 0;
      if (wanted.connectedAt === undefined && !wanted.dialling) this.#later(peer, wanted);
    }
  }

  close(): void {
    this.#closed = true;
    for (const wanted of this.#wanted.values()) wanted.cancel();
    this.#wanted.clear();
  }

  #later(peer: PeerId, wanted: Wanted): void {
    wanted.cancel();
    if (this.#closed) return;
    const { redialMsMin, redialMsMax } = this.#options;
    const waitMs = Math.min(redialMsMax, redialMsMin * 2 ** Math.min(wanted.attempt, 30));
    wanted.attempt++;
    const at = this.#deps.clock.monotonic() + waitMs * (0.5 + this.#deps.random());
    wanted.cancel = this.#deps.clock.schedule(at, () => this.#dial(peer, wanted));
  }

  #dial(peer: PeerId, wanted: Wanted): void {
    if (wanted.dialling || wanted.connectedAt !== undefined) return;
    wanted.dialling = true;
    this.#deps.dial(peer, wanted.address).then(
      () => {
        wanted.dialling = false;
        // Connected and lost again while the dial was still being awaited.
        if (wanted.connectedAt === undefined) this.#later(peer, wanted);
      },
      () => {
        wanted.dialling = false;
        if (wanted.connectedAt !== undefined) return;
        if (!wanted.keep && wanted.attempt >= this.#options.attemptsMax) this.#wanted.delete(peer);
        else this.#later(peer, wanted);
      },
    );
  }
}
