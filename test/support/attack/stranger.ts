/** Peers that break the rules of net.md, in the process of a test. */
import { strict as assert } from 'node:assert';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { silentLogger } from '../../../base/log.ts';
import { decodeControl, encodeControl } from '../../../net/control.ts';
import { CONTROL, encodeParts, FrameDecoder } from '../../../net/frame-codec.ts';
import {
  createLibp2pNetwork,
  type Frame,
  type Hello,
  type Link,
  type Network,
  PROTOCOL_VERSION,
} from '../../../net/index.ts';
import { realClock } from '../real-clock.ts';
import type { AttackedDevnet } from './devnet.ts';
import { eventually } from './devnet.ts';

let strangers = 0;

/** Of an identity that nobody had before: bans are of identities. */
function newSeed(): Uint8Array {
  return new Uint8Array(32).fill(0xe7).fill(++strangers, 31);
}

export function helloOf(devnet: AttackedDevnet, changes: Partial<Hello> = {}): Hello {
  return {
    version: PROTOCOL_VERSION,
    networkId: devnet.network,
    genesisHash: devnet.genesisHash,
    role: 'full',
    headHeight: 0,
    agent: 'stranger',
    ...changes,
  };
}

/** The bytes of a hello as they stand on a link (G4). */
export function helloBytes(hello: Hello): Uint8Array {
  const bytes = encodeControl({ kind: 'hello', hello });
  return encodeParts([{ channel: CONTROL, priority: 'urgent', bytes, more: false }]);
}

/** A libp2p host that knows what a network calls its protocols and nothing else; says bytes on a link. */
export class Stranger {
  readonly #node: Awaited<ReturnType<typeof hostOf>>;
  readonly #devnet: AttackedDevnet;
  readonly #protocol: string;
  /** Why a node said goodbye (G8). */
  readonly goodbyes: string[] = [];

  private constructor(node: Awaited<ReturnType<typeof hostOf>>, devnet: AttackedDevnet) {
    this.#node = node;
    this.#devnet = devnet;
    this.#protocol = `/pyralog/${devnet.network}/link/1`;
  }

  static async start(devnet: AttackedDevnet): Promise<Stranger> {
    return new Stranger(await hostOf(newSeed()), devnet);
  }

  get id(): string {
    return this.#node.peerId.toString();
  }

  get gossip() {
    return this.#node.services.gossip;
  }

  get connections(): number {
    return this.#node.getConnections().length;
  }

  /** Connects and says these bytes as soon as there is a link, whoever opens it (G6). Rejects when banned. */
  async say(bytes: Uint8Array, node = 0): Promise<void> {
    const { multiaddr: address, peer } = this.#devnet.address(node);
    await this.#node.unhandle(this.#protocol);
    await this.#node.handle(this.#protocol, (stream) => this.#speak(stream, bytes));
    const connection = await this.#node.dial(multiaddr(address));
    if (this.id < peer) this.#speak(await connection.newStream(this.#protocol), bytes);
  }

  /** Connects without ever saying hello; resolves once the node listens to this topic. */
  async subscribe(topic: string, node = 0): Promise<void> {
    await this.#node.handle(this.#protocol, () => {});
    await this.#node.dial(multiaddr(this.#devnet.address(node).multiaddr));
    await eventually(() => this.gossip.getSubscribers(topic).length > 0, 'a subscriber');
  }

  async close(): Promise<void> {
    await this.#node.stop();
  }

  #speak(stream: Stream, bytes: Uint8Array): void {
    const decoder = new FrameDecoder((channel, frame) => {
      const control = channel === CONTROL ? decodeControl(frame) : undefined;
      if (control?.kind === 'goodbye') this.goodbyes.push(control.reason);
    });
    stream.addEventListener('message', (event) => decoder.push(event.data.subarray()));
    // As a node does: a goodbye was heard, and the other side need not wait for more.
    stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => undefined));
    stream.send(bytes);
  }
}

async function hostOf(seed: Uint8Array) {
  return createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      gossip: gossipsub({ globalSignaturePolicy: 'StrictNoSign', floodPublish: true }),
    },
  });
}

/** A peer that greets as it should and then says whatever a test makes it say. */
export class Guest {
  readonly network: Network;
  readonly #devnet: AttackedDevnet;
  readonly #links = new Map<string, Link>();
  /** Told of every frame. */
  onFrame: (peer: string, frame: Frame) => void = () => {};

  private constructor(network: Network, devnet: AttackedDevnet) {
    this.network = network;
    this.#devnet = devnet;
    network.onPeer({
      connected: (link) => {
        this.#links.set(link.peer, link);
        void this.#read(link);
      },
      disconnected: (peer) => this.#links.delete(peer),
    });
  }

  static async start(
    devnet: AttackedDevnet,
    nodes: readonly number[],
    changes: Partial<Hello> = {},
  ): Promise<Guest> {
    const network = await createLibp2pNetwork(
      {
        clock: realClock,
        random: Math.random,
        log: silentLogger,
        onBug: (bug) => {
          throw bug;
        },
      },
      { seed: newSeed(), hello: () => helloOf(devnet, changes), listen: ['/ip4/127.0.0.1/tcp/0'] },
    );
    const guest = new Guest(network, devnet);
    try {
      for (const node of nodes) await guest.dial(node);
    } catch (error) {
      await guest.close();
      throw error;
    }
    return guest;
  }

  get id(): string {
    return this.network.self;
  }

  async dial(node: number): Promise<void> {
    await this.network.dial(this.#devnet.address(node).multiaddr, AbortSignal.timeout(20_000));
  }

  /** Sends to one node. */
  async send(node: number, channel: Frame['channel'], bytes: Uint8Array): Promise<void> {
    const link = this.#links.get(this.#devnet.address(node).peer);
    assert.ok(link !== undefined, `no link to node ${node}`);
    await link.send(channel, bytes, 'urgent');
  }

  /** Score that a node gives this peer; undefined when there is no link. */
  async score(node = 0): Promise<number | undefined> {
    const { peers } = await this.#devnet.call('net_peers', {}, node);
    return peers.find(({ id }: { id: string }) => id === this.id)?.score;
  }

  close(): Promise<void> {
    return this.network.close();
  }

  async #read(link: Link): Promise<void> {
    for await (const frame of link.receive(new AbortController().signal))
      this.onFrame(link.peer, frame);
  }
}
