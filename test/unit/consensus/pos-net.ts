import type { Clock } from '../../../base/time.ts';
import type {
  Channel,
  Fault,
  Frame,
  Hello,
  Link,
  Network,
  PeerId,
  PeerListener,
} from '../../../net/index.ts';

/** What may happen to a frame on its way; undefined: lost. */
export type Fate = { readonly delayMs: number } | undefined;

export interface Passing {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

/** The least network that the engine can run on, in the hands of a test: it sees every frame and decides its fate. */
export class TestNet {
  readonly clock: Clock;
  readonly reports: { readonly by: PeerId; readonly peer: PeerId; readonly fault: Fault }[] = [];
  /** Decides about every frame; the default is 1 ms. */
  fate: (frame: Passing) => Fate = () => ({ delayMs: 1 });
  frames = 0;
  readonly #nodes = new Map<PeerId, TestNode>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A node linked to all others that are there, unless `links` says which. */
  join(id: PeerId, voteKey: Uint8Array | undefined, links?: readonly PeerId[]): Network {
    const node = new TestNode(this, id, voteKey);
    const others = [...this.#nodes.values()].filter((other) => links?.includes(other.self) ?? true);
    this.#nodes.set(id, node);
    for (const other of others) connect(node, other);
    return node.asNetwork();
  }

  /** Without a goodbye: what was on its way to it is lost. */
  leave(id: PeerId): void {
    const node = this.#nodes.get(id);
    this.#nodes.delete(id);
    node?.drop();
    for (const other of this.#nodes.values()) other.lose(id);
  }

  send(frame: Passing): void {
    this.frames++;
    const fate = this.fate(frame);
    if (fate === undefined) return;
    const link = this.#nodes.get(frame.to)?.links.get(frame.from);
    this.clock.schedule(this.clock.monotonic() + fate.delayMs, () => link?.arrive(frame));
  }
}

function connect(a: TestNode, b: TestNode): void {
  a.open(b);
  b.open(a);
}

class TestNode {
  readonly self: PeerId;
  readonly net: TestNet;
  readonly voteKey: Uint8Array | undefined;
  readonly links = new Map<PeerId, TestLink>();
  readonly #hellos = new Map<PeerId, Hello>();
  readonly #listeners = new Set<PeerListener>();

  constructor(net: TestNet, self: PeerId, voteKey: Uint8Array | undefined) {
    this.net = net;
    this.self = self;
    this.voteKey = voteKey;
  }

  open(other: TestNode): void {
    const link = new TestLink(this.net, this.self, other.self);
    const hello: Hello = {
      version: 1,
      networkId: 'test',
      genesisHash: new Uint8Array(32),
      role: other.voteKey === undefined ? 'full' : 'validator',
      headHeight: 0,
      agent: 'test',
      ...(other.voteKey === undefined ? {} : { voteKey: other.voteKey }),
    };
    this.links.set(other.self, link);
    this.#hellos.set(other.self, hello);
    for (const listener of this.#listeners) listener.connected(link, hello);
  }

  lose(id: PeerId): void {
    this.links.get(id)?.end();
    if (!this.links.delete(id)) return;
    for (const listener of this.#listeners) listener.disconnected(id);
  }

  drop(): void {
    for (const link of this.links.values()) link.end();
    this.links.clear();
    this.#listeners.clear();
  }

  /** Only what the engine uses. */
  asNetwork(): Network {
    const used: Pick<Network, 'self' | 'onPeer' | 'report'> = {
      self: this.self,
      onPeer: (listener) => {
        this.#listeners.add(listener);
        for (const [id, link] of this.links) {
          const hello = this.#hellos.get(id);
          if (hello !== undefined) listener.connected(link, hello);
        }
        return () => this.#listeners.delete(listener);
      },
      report: (peer, fault) => {
        this.net.reports.push({ by: this.self, peer, fault });
      },
    };
    return used as Network;
  }
}

class TestLink implements Link {
  readonly peer: PeerId;
  readonly #net: TestNet;
  readonly #self: PeerId;
  #inbox: Frame[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(net: TestNet, self: PeerId, peer: PeerId) {
    this.#net = net;
    this.#self = self;
    this.peer = peer;
  }

  async send(channel: Channel, bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw new Error('closed');
    this.#net.send({ from: this.#self, to: this.peer, channel, bytes });
  }

  async *receive(signal: AbortSignal): AsyncIterable<Frame> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    while (!(this.#ended || signal.aborted)) {
      const frame = this.#inbox.shift();
      if (frame !== undefined) yield frame;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async close(): Promise<void> {
    this.end();
  }

  arrive({ channel, bytes }: Frame): void {
    if (this.#ended) return;
    this.#inbox.push({ channel, bytes });
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
