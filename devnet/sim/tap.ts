import type { Fault, Frame, Link, Network, PeerId, Priority } from '../../net/index.ts';

/** Sees, and may change, what an engine says to its peers and hears from them. */
export interface Tap {
  /** Frames that leave in place of this one. */
  sent(to: PeerId, frame: Frame): readonly Frame[] | Promise<readonly Frame[]>;
  /** Whether the engine is to hear this. */
  heard(from: PeerId, frame: Frame): boolean;
  /** The engine holds something against a peer. */
  blamed(peer: PeerId, fault: Fault): void;
  /** Links that are open now, for whoever wants to say something of its own. */
  opened?(link: Link): void;
}

/** The same network with a tap between it and its engine: how a simulation watches, and how a validator lies. */
export function tapNetwork(network: Network, tap: Tap): Network {
  return {
    self: network.self,
    gossip: network.gossip,
    faults: network.faults,
    addresses: () => network.addresses(),
    peers: () => network.peers(),
    onPeer: (listener) =>
      network.onPeer({
        connected: (link, hello) => {
          tap.opened?.(link);
          listener.connected(tapLink(link, tap), hello);
        },
        disconnected: (peer) => listener.disconnected(peer),
      }),
    dial: (address, signal) => network.dial(address, signal),
    report(peer, fault) {
      tap.blamed(peer, fault);
      network.report(peer, fault);
    },
    ban: (peer, ms) => network.ban(peer, ms),
    unban: (peer) => network.unban(peer),
    metrics: () => network.metrics(),
    close: () => network.close(),
  };
}

function tapLink(link: Link, tap: Tap): Link {
  const { peer } = link;
  return {
    peer,
    async send(channel, bytes, priority: Priority) {
      const said = tap.sent(peer, { channel, bytes });
      for (const frame of said instanceof Promise ? await said : said) {
        await link.send(frame.channel, frame.bytes, priority);
      }
    },
    async *receive(signal) {
      for await (const frame of link.receive(signal)) if (tap.heard(peer, frame)) yield frame;
    },
    close: () => link.close(),
  };
}
