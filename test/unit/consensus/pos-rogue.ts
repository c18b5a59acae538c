import { encodeCbor } from '../../../consensus/pos/cbor.ts';
import { messageFrame, proposalFrame } from '../../../consensus/pos/wire.ts';
import type { Signer } from '../../../consensus/signer.ts';
import type { Channel, Link } from '../../../net/index.ts';
import { NETWORK, type World } from './pos-world.ts';

/** A validator, or a stranger, that says whatever a test makes it say. */
export class Rogue {
  readonly id: string;
  readonly #signer: Signer;
  readonly #links: Link[] = [];
  /** Every frame that it was sent. */
  readonly heard: {
    readonly from: string;
    readonly channel: Channel;
    readonly bytes: Uint8Array;
  }[] = [];

  /** `claim`: whether it says hello as the validator. */
  constructor(world: World, id: string, signer: Signer, claim = true) {
    this.id = id;
    this.#signer = signer;
    world.net.join(id, claim ? signer.publicKey : undefined).onPeer({
      connected: (link) => {
        this.#links.push(link);
        void this.#listen(link);
      },
      disconnected: () => {},
    });
  }

  send(channel: Channel, bytes: Uint8Array, to?: string): void {
    for (const link of this.#links) {
      if (to === undefined || link.peer === to) void link.send(channel, bytes, 'urgent');
    }
  }

  say(message: Uint8Array, to?: string): void {
    this.send('consensus', messageFrame(message), to);
  }

  propose(message: Uint8Array, body: Uint8Array, to?: string): void {
    this.send('consensus', proposalFrame(message, body), to);
  }

  /** A vote (P5); type 0 prevote, 1 precommit. */
  async vote(
    type: 0 | 1,
    height: number,
    round: number,
    id: Uint8Array | null,
  ): Promise<Uint8Array> {
    const signature = await this.#sign([type, height, round, id]);
    return encodeCbor([type, height, round, id, this.#signer.publicKey, signature]);
  }

  /** A proposal (P5). */
  async proposal(height: number, round: number, id: Uint8Array): Promise<Uint8Array> {
    const signature = await this.#sign([2, height, round, null, id]);
    return encodeCbor([2, height, round, null, id, this.#signer.publicKey, signature]);
  }

  #sign(fields: readonly unknown[]): Promise<Uint8Array> {
    return this.#signer.sign('vote', NETWORK, encodeCbor(fields));
  }

  async #listen(link: Link): Promise<void> {
    for await (const { channel, bytes } of link.receive(new AbortController().signal)) {
      this.heard.push({ from: link.peer, channel, bytes });
    }
  }
}
