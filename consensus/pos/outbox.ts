import { toHex } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import { type BftEffect, bftMessageInfo } from '../../native/index.ts';
import type { Bodies } from './bodies.ts';
import { keyOf } from './cbor.ts';
import type { Peer, Peers } from './peers.ts';
import type { Relay } from './relay.ts';
import { encodeStatus, messageFrame, proposalFrame } from './wire.ts';

/** Own messages of the height under way that a peer is sent when it connects. */
const PUBLISHED_MAX = 8;

export interface OutboxDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly peers: Peers;
  readonly relay: Relay;
  /** Of the height under way. */
  readonly bodies: Pick<Bodies, 'get'>;
  /** Newest final height. */
  readonly head: () => number;
  /** The status was told again. */
  readonly told: () => void;
}

/** What this node says to its peers of its own accord: its messages, proposals with their bodies, its head (P27, P32). */
export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #statusMs: number;
  #published: Uint8Array[] = [];
  #cancel: (() => void) | undefined;

  constructor(deps: OutboxDeps, statusMs: number) {
    this.#deps = deps;
    this.#statusMs = statusMs;
  }

  /** Tells the head again and again from now on, in case a frame was lost. */
  start(): void {
    const { clock, relay, head, told } = this.#deps;
    this.#cancel = clock.schedule(clock.monotonic() + this.#statusMs, () => {
      this.#tellHead();
      relay.tellAgain(head());
      told();
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  publish({ bytes, liveness }: Extract<BftEffect, { readonly kind: 'publish' }>): void {
    const { peers, relay } = this.#deps;
    const info = bftMessageInfo(bytes);
    assert(info !== undefined, 'the core publishes wire messages');
    relay.take(info.height, keyOf(bytes));
    const frame = this.#frameOf(bytes, info.kind === 'proposal' ? info.id : undefined);
    if (frame === undefined) return;
    peers.broadcast('consensus', frame, 'urgent');
    if (liveness) return;
    this.#published.push(frame);
    if (this.#published.length > PUBLISHED_MAX) this.#published.shift();
  }

  connected(peer: Peer): void {
    const { peers, relay, head } = this.#deps;
    peers.send(peer, 'status', encodeStatus(head()), 'normal');
    relay.tellPeer(peer, head());
    for (const frame of this.#published) peers.send(peer, 'consensus', frame, 'urgent');
  }

  /** A height is final. */
  finished(): void {
    this.#published = [];
    this.#tellHead();
    this.#deps.relay.tell(this.#deps.head());
  }

  #tellHead(): void {
    this.#deps.peers.broadcast('status', encodeStatus(this.#deps.head()), 'normal');
  }

  #frameOf(message: Uint8Array, proposed: Uint8Array | undefined): Uint8Array | undefined {
    if (proposed === undefined) return messageFrame(message);
    const body = this.#deps.bodies.get(proposed);
    if (body !== undefined) return proposalFrame(message, body.bytes);
    this.#deps.log.warn({ id: toHex(proposed) }, 'proposed block is not here');
    return undefined;
  }
}
