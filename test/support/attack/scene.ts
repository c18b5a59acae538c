import { type AttackedDevnet, eventually } from './devnet.ts';
import { Guest, Stranger } from './stranger.ts';

/** Anything but a message of this network. */
export const GARBAGE = Uint8Array.from({ length: 500 }, (_, i) => i * 89 + 3);

/** A devnet that suites of attacks share, and the peers that attack it. */
export class Scene {
  #devnet: AttackedDevnet | undefined;
  readonly #peers: { close(): Promise<void> }[] = [];

  get devnet(): AttackedDevnet {
    if (this.#devnet === undefined) throw new Error('the devnet has not been started');
    return this.#devnet;
  }

  set devnet(devnet: AttackedDevnet) {
    this.#devnet = devnet;
  }

  async stranger(): Promise<Stranger> {
    const started = await Stranger.start(this.devnet);
    this.#peers.push(started);
    return started;
  }

  /** A peer with a link to these nodes. */
  async guest(nodes: readonly number[] = [0], hello = {}): Promise<Guest> {
    const started = await Guest.start(this.devnet, nodes, hello);
    this.#peers.push(started);
    return started;
  }

  /** Does it, and waits until node 0 holds such a fault against somebody. */
  async faulted(kind: string, act: () => Promise<unknown>): Promise<void> {
    const before = await this.devnet.faults(kind);
    await act();
    await eventually(async () => (await this.devnet.faults(kind)) > before, `a fault ${kind}`);
  }

  /**
   * Gossips until it is heard: it reaches a neighbour once that has told that it listens. Nobody sends one message
   * twice, so each attempt has another.
   */
  async gossips(peer: Guest, batch: (round: number) => Uint8Array, fault?: string): Promise<void> {
    const heard = () =>
      fault === undefined
        ? this.devnet.metric('pyralog_net_gossip_received_total')
        : this.devnet.faults(fault);
    const before = await heard();
    let round = 0;
    await eventually(async () => {
      await peer.network.gossip.publish('transactions', batch(round++));
      return (await heard()) > before;
    }, 'the gossip');
  }

  /** After each attack: everybody leaves, and the network goes on. */
  async rest(): Promise<void> {
    for (const peer of this.#peers.splice(0)) await peer.close();
    await this.devnet.goesOn();
  }
}
