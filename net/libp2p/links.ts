import type { Connection, Stream } from '@libp2p/interface';
import type { Logger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { GoodbyeReason } from '../control.ts';
import type { FaultSwitch } from '../faults.ts';
import { FramedLink } from '../framed-link.ts';
import type { Hello } from '../hello.ts';
import type { NetworkLimits } from '../options.ts';
import type { PeerSet } from '../peer-set.ts';
import type { Fault, PeerId } from '../types.ts';
import { wireOf } from './wire.ts';

export interface LinksDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly faults: FaultSwitch;
  readonly peers: PeerSet;
  readonly hello: () => Hello;
  /** The open connections to a peer. */
  readonly connections: (peer: PeerId) => readonly Connection[];
  /** Why a peer has no link: told when a link closes, or could not be opened. */
  readonly onGone: (peer: PeerId, reason: GoodbyeReason | undefined) => void;
  readonly onOpen: (peer: PeerId, connection: Connection) => void;
}

export interface LinksOptions {
  readonly self: PeerId;
  readonly protocol: string;
  readonly limits: NetworkLimits;
}

/**
 * One link per pair of peers, however many connections there are (G6).
 *
 * The peer with the smaller id opens it, so two sides that dial each other at once cannot open two; the other side
 * takes what comes and lets the newest replace an older one, which its opener must have given up.
 */
export class Links {
  readonly #deps: LinksDeps;
  readonly #options: LinksOptions;
  readonly #links = new Map<PeerId, FramedLink>();
  readonly #opening = new Set<PeerId>();
  /** Their goodbye is on its way; they close by themselves. */
  readonly #leaving = new WeakSet<Connection>();
  readonly #deadlines = new Map<Connection, () => void>();
  #closed = false;

  constructor(deps: LinksDeps, options: LinksOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  connectionOpened(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const link = this.#links.get(peer);
    if (link !== undefined) link.probe();
    else if (this.#options.self < peer) void this.#open(peer, connection);
    else this.#expect(peer, connection);
  }

  connectionClosed(connection: Connection): void {
    this.#deadlines.get(connection)?.();
    this.#deadlines.delete(connection);
  }

  /** A peer opened a stream of the link protocol. */
  accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString();
    if (this.#closed || this.#options.self < peer) {
      // Only the smaller id opens links; a peer that does it all the same has other rules.
      if (!this.#closed) this.#deps.peers.report(peer, 'malformed');
      stream.abort(new Error('not yours to open'));
      return;
    }
    this.#deadlines.get(connection)?.();
    this.#deadlines.delete(connection);
    this.#links.get(peer)?.end('replaced');
    this.#attach(stream, connection);
  }

  /** The peer does not speak this network's protocols. */
  refuse(peer: PeerId, fault: Fault): void {
    if (this.#closed) return;
    this.#deps.peers.report(peer, fault);
    this.end(peer, fault);
    this.#deps.onGone(peer, fault);
  }

  has(peer: PeerId): boolean {
    return this.#links.has(peer);
  }

  /** Closes everything between us and a peer; with a reason it is told why. */
  end(peer: PeerId, reason: GoodbyeReason | undefined): void {
    const link = this.#links.get(peer);
    link?.end(reason);
    for (const connection of this.#deps.connections(peer)) {
      if (reason === undefined) connection.abort(new Error('cut off'));
      else if (!this.#leaving.has(connection)) void closeGently(connection);
    }
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#deadlines.values()) cancel();
    this.#deadlines.clear();
    for (const link of [...this.#links.values()]) link.end('closing');
  }

  async #open(peer: PeerId, connection: Connection): Promise<void> {
    if (this.#closed || this.#opening.has(peer) || this.#links.has(peer)) return;
    this.#opening.add(peer);
    try {
      const signal = AbortSignal.timeout(this.#options.limits.answerMsMax);
      const stream = await connection.newStream(this.#options.protocol, { signal });
      if (this.#closed || this.#links.has(peer)) stream.abort(new Error('not needed any more'));
      else this.#attach(stream, connection);
    } catch (err) {
      if (this.#closed) return;
      this.#deps.log.debug({ err, peer }, 'peer does not take a link');
      const unknown = err instanceof Error && err.name === 'UnsupportedProtocolError';
      if (unknown) this.refuse(peer, 'wrong-network');
      else void closeGently(connection);
    } finally {
      this.#opening.delete(peer);
    }
  }

  /** The peer must open a link soon, or it loses the connection. */
  #expect(peer: PeerId, connection: Connection): void {
    const at = this.#deps.clock.monotonic() + this.#options.limits.answerMsMax;
    const cancel = this.#deps.clock.schedule(at, () => {
      this.#deadlines.delete(connection);
      if (this.#links.has(peer)) return;
      this.#deps.peers.report(peer, 'unresponsive');
      void closeGently(connection);
    });
    this.#deadlines.set(connection, cancel);
  }

  #attach(stream: Stream, connection: Connection): void {
    const { clock, faults, peers, log, onOpen } = this.#deps;
    const peer = connection.remotePeer.toString();
    const { wire, listen } = wireOf(stream, connection);
    const link = new FramedLink(
      {
        clock,
        faults,
        wire,
        counters: peers.counters,
        onOpen: (opened, hello) => {
          const address = connection.remoteAddr.toString();
          peers.add({ link: opened, hello, address, inbound: connection.direction === 'inbound' });
          onOpen(peer, connection);
        },
        onFault: (fault) => {
          log.debug({ peer, fault }, 'peer at fault');
          peers.report(peer, fault);
        },
        onClosed: (closed, reason) => this.#gone(closed, connection, reason),
      },
      { peer, hello: this.#deps.hello(), limits: this.#options.limits },
    );
    this.#links.set(peer, link);
    listen(link);
  }

  #gone(link: FramedLink, connection: Connection, reason: GoodbyeReason | undefined): void {
    const { peer } = link;
    this.#leaving.add(connection);
    this.#deps.log.debug({ peer, reason }, 'link closed');
    this.#deps.peers.remove(link);
    if (this.#links.get(peer) !== link) return;
    this.#links.delete(peer);
    this.#deps.onGone(peer, reason);
    if (this.#closed || this.#deps.peers.isBanned(peer)) return;
    // The one that is left when a peer came back before its old connection was found dead.
    const other = this.#deps.connections(peer).find((each) => !this.#leaving.has(each));
    if (other !== undefined && other.status === 'open') this.connectionOpened(other);
  }
}

async function closeGently(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(1_000) });
  } catch (err) {
    connection.abort(err instanceof Error ? err : new Error(String(err)));
  }
}
