import { equalBytes } from '../../base/bytes.ts';
import type { Clock } from '../../base/time.ts';
import { keyOf } from './cbor.ts';
import type { Driver } from './driver.ts';
import { isFault, type Received } from './inbound.ts';
import type { Peers } from './peers.ts';
import type { Proposals } from './proposals.ts';
import type { Relay } from './relay.ts';
import { messageFrame, readSigned } from './wire.ts';

export interface IntakeDeps {
  readonly clock: Clock;
  readonly peers: Peers;
  readonly relay: Relay;
  readonly driver: Driver;
  readonly proposals: Proposals;
  /** Newest final height. */
  readonly head: () => number;
}

/** Takes the messages of peers to the core, one at a time, and passes on what it did not refuse (P30, P31). */
export class Intake {
  readonly #deps: IntakeDeps;
  #refusedMessages = 0;
  #heardHeight = 0;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  get refusedMessages(): number {
    return this.#refusedMessages;
  }

  /** Greatest height that a peer's verified message was of. */
  get heardHeight(): number {
    return this.#heardHeight;
  }

  /** Whether it is verified and of a height to come. */
  async take(received: Received): Promise<boolean> {
    const { relay, head } = this.#deps;
    const { info, name, body } = received;
    if (info.height <= head()) return false;
    const isKnown = relay.knows(info.height, name);
    if (isKnown && body === undefined) return false;
    if (!(isKnown || (await this.#isTaken(received)))) return false;
    this.#heardHeight = Math.max(this.#heardHeight, info.height);
    if (!isKnown) this.#passOn(received);
    if (body !== undefined) this.#propose(received, body);
    return true;
  }

  /** Whether the core took it; otherwise the peer may be at fault. */
  async #isTaken({ info, message, name, peer }: Received): Promise<boolean> {
    const { driver, head, peers, relay } = this.#deps;
    relay.take(info.height, name);
    const refusals = await driver.feed({ kind: 'message', bytes: message });
    const refusal = refusals.find(({ bytes }) => bytes === undefined || equalBytes(bytes, message));
    if (refusal === undefined) return true;
    relay.forget(info.height, name);
    this.#refusedMessages++;
    const isLater = info.height > head() + 1;
    if (isFault(refusal.reason, isLater)) peers.report(peer, 'invalid', refusal.reason);
    return false;
  }

  /** A vote, at once; a proposal follows when its body was judged; a certificate is of nobody (P30). */
  #passOn({ info, message, peer, body }: Received): void {
    if (info.validator === undefined) return;
    const { relay } = this.#deps;
    const spoken = { author: keyOf(info.validator), height: info.height, round: info.round };
    relay.heard(peer, spoken);
    if (body === undefined) relay.forward(() => messageFrame(message), peer, spoken);
  }

  #propose({ message, peer }: Received, body: Uint8Array): void {
    const signed = readSigned(message);
    if (signed?.record.id === undefined) return;
    const { height, round, polRound, id } = signed.record;
    const { validator: proposer } = signed;
    const receivedAt = this.#deps.clock.wall();
    const proposal = { height, round, polRound, id, proposer, message, body, peer, receivedAt };
    this.#deps.proposals.receive(proposal);
  }
}
