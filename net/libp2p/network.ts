import type { Connection, IdentifyResult, PeerInfo } from '@libp2p/interface';
import { PyralogError } from '../../base/errors.ts';
import type { GoodbyeReason } from '../control.ts';
import type { FaultSwitch } from '../faults.ts';
import { linkClosed } from '../frame-queue.ts';
import type { Libp2pOptions, NetworkDeps, NetworkLimits } from '../options.ts';
import type { PeerBook } from '../peer-book.ts';
import type { PeerSet } from '../peer-set.ts';
import { Redialer } from '../redialer.ts';
import type {
  Fault,
  Gossip,
  NetErrorCode,
  NetFigures,
  Network,
  PeerId,
  PeerListener,
  PeerState,
} from '../types.ts';
import { Libp2pGossip } from './gossip.ts';
import type { Host } from './host.ts';
import { Links } from './links.ts';
import type { Modules } from './modules.ts';
import { Slots } from './slots.ts';
import { Waiters } from './waiters.ts';

/** A known peer that did not answer this often in a row is given up; bootstrap peers never are. */
const ATTEMPTS_MAX = 8;

export interface Libp2pNetworkDeps extends NetworkDeps {
  readonly modules: Modules;
  readonly host: Host;
  readonly peers: PeerSet;
  readonly book: PeerBook;
  readonly faults: FaultSwitch;
  readonly limits: NetworkLimits;
}

/** The network over libp2p: wires host, links, gossip, redialer and books together. */
export class Libp2pNetwork implements Network {
  readonly self: PeerId;
  readonly faults: FaultSwitch;
  readonly #deps: Libp2pNetworkDeps;
  readonly #options: Libp2pOptions;
  readonly #gossip: Libp2pGossip;
  readonly #links: Links;
  readonly #redialer: Redialer;
  readonly #slots: Slots;
  readonly #waiters = new Waiters();
  readonly #closing = new AbortController();
  readonly #protocol: string;
  #closed: Promise<void> | undefined;

  constructor(deps: Libp2pNetworkDeps, options: Libp2pOptions) {
    const { host, peers, clock, log, random, limits } = deps;
    const { networkId } = options.hello();
    this.#deps = deps;
    this.#options = options;
    this.self = host.peerId.toString();
    this.faults = deps.faults;
    this.#protocol = `/pyralog/${networkId}/link/1`;
    this.#gossip = new Libp2pGossip(
      { service: host.services.gossip, clock, peers, faults: deps.faults, onBug: deps.onBug },
      { self: this.self, networkId, queueMax: limits.gossipQueueMax },
    );
    this.#links = new Links(
      {
        clock,
        log,
        peers,
        faults: deps.faults,
        hello: options.hello,
        connections: (peer) =>
          host.getConnections().filter((each) => each.remotePeer.toString() === peer),
        onOpen: (peer, connection) => this.#opened(peer, connection),
        onGone: (peer, reason) => this.#gone(peer, reason),
      },
      { self: this.self, protocol: this.#protocol, limits },
    );
    this.#redialer = new Redialer(
      { clock, random, dial: (peer, address) => this.#redial(peer, address) },
      { ...limits, attemptsMax: ATTEMPTS_MAX },
    );
    this.#slots = new Slots(
      {
        connections: () => host.getConnections(),
        keeps: (peer) => this.#redialer.keeps(peer),
        kept: () => this.#redialer.kept(),
      },
      limits.connectionsMax,
    );
  }

  get gossip(): Gossip {
    return this.#gossip;
  }

  /** Listens, and dials who is known. */
  async start(): Promise<void> {
    const { host, book } = this.#deps;
    host.addEventListener('connection:open', (event) => this.#connected(event.detail));
    host.addEventListener('connection:close', (event) =>
      this.#links.connectionClosed(event.detail),
    );
    host.addEventListener('peer:identify', (event) => this.#identified(event.detail));
    host.addEventListener('peer:discovery', (event) => this.#discovered(event.detail));
    await host.handle(
      this.#protocol,
      (stream, connection) => this.#links.accept(stream, connection),
      { maxInboundStreams: 4 },
    );
    await host.start();
    this.#gossip.start();
    this.faults.onChange(() => this.#applyFaults());
    for (const address of this.#options.bootstrap ?? []) {
      const peer = this.#peerOf(address);
      if (peer !== this.self) this.#redialer.want(peer, address, true);
    }
    for (const { id, address } of book.peers()) this.#redialer.want(id, address, false);
  }

  addresses(): string[] {
    return this.#deps.host.getMultiaddrs().map((each) => each.toString());
  }

  peers(): readonly PeerState[] {
    return this.#deps.peers.states();
  }

  onPeer(listener: PeerListener): () => void {
    return this.#deps.peers.onPeer(listener);
  }

  async dial(address: string, signal: AbortSignal): Promise<void> {
    const peer = this.#peerOf(address);
    await this.#reach(address, signal);
    this.#redialer.want(peer, address, true);
    this.#redialer.connected(peer);
  }

  report(peer: PeerId, fault: Fault): void {
    this.#deps.peers.report(peer, fault);
  }

  /** Called by the peer set: this peer is banned from now on. */
  banned(peer: PeerId): void {
    this.#deps.log.info({ peer }, 'peer banned');
    this.#deps.book.changed();
    // Its own fault, where that is why, is told first and closes the link.
    queueMicrotask(() => this.#links.end(peer, 'banned'));
  }

  ban(peer: PeerId, ms: number): void {
    this.#deps.peers.ban(peer, ms);
    this.#deps.book.changed();
  }

  unban(peer: PeerId): boolean {
    const ended = this.#deps.peers.unban(peer);
    if (ended) this.#deps.book.changed();
    return ended;
  }

  metrics(): NetFigures {
    return this.#deps.peers.figures();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(linkClosed());
    this.#redialer.close();
    this.#gossip.close();
    this.#links.close();
    this.#waiters.close();
    await this.#deps.host.stop();
    await this.#deps.book.close();
  }

  /** Whether there is no place for this peer. */
  full(peer: PeerId): boolean {
    return this.#slots.full(peer);
  }

  #connected(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const one = connection.direction === 'inbound' && this.#slots.exceeded(peer);
    if (one) this.#links.end(peer, 'too-many-peers');
    else this.#links.connectionOpened(connection);
  }

  async #redial(peer: PeerId, address: string): Promise<void> {
    if (this.#deps.peers.get(peer) === undefined && this.full(peer)) {
      throw refused(peer, 'too-many-peers');
    }
    await this.#reach(address, this.#closing.signal);
  }

  /** Resolves when there is a link to the peer at this address. */
  async #reach(address: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { peers } = this.#deps;
    const peer = this.#peerOf(address);
    if (this.#closed !== undefined) throw linkClosed();
    if (peers.get(peer) !== undefined) return;
    if (peers.isBanned(peer)) throw refused(peer, 'banned');
    if (peer === this.self) throw unreachable(peer, new Error('this node itself'));
    for (let attempt = 1; ; attempt++) {
      const { outcome, error, stale } = await this.#attempt(peer, address, signal);
      if (outcome === 'linked') return;
      if (stale && attempt < ATTEMPTS_MAX) continue;
      this.#dialFailed(signal);
      throw outcome === undefined ? unreachable(peer, error) : refused(peer, outcome);
    }
  }

  /** Dials once. `stale`: libp2p handed out a connection that was about to close with an earlier link. */
  async #attempt(peer: PeerId, address: string, signal: AbortSignal) {
    const { host, modules, limits } = this.#deps;
    const over = new AbortController();
    const stops = [signal, over.signal, this.#closing.signal];
    const both = AbortSignal.any([...stops, AbortSignal.timeout(3 * limits.answerMsMax)]);
    const linked = this.#waiters.wait(peer, both);
    const startedAt = Date.now();
    try {
      const connection = await host.dial(modules.multiaddr.multiaddr(address), { signal: both });
      if (connection.status !== 'open') over.abort();
      connection.addEventListener('close', () => over.abort(), { once: true });
      const outcome = await linked;
      const stale = outcome === undefined && connection.timeline.open < startedAt;
      return { outcome, error: new Error('no hello'), stale: stale && !signal.aborted };
    } catch (error) {
      over.abort();
      // What became of the link before the dial failed says more than the dial's own error.
      return { outcome: await linked, error, stale: false };
    }
  }

  #dialFailed(signal: AbortSignal): void {
    this.#deps.peers.counters.dialsFailed++;
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw linkClosed();
  }

  #opened(peer: PeerId, connection: Connection): void {
    if (connection.direction === 'outbound') {
      this.#deps.book.remember(peer, withPeer(connection.remoteAddr.toString(), peer));
    }
    this.#redialer.connected(peer);
    this.#waiters.settle(peer, 'linked');
  }

  #gone(peer: PeerId, reason: GoodbyeReason | undefined): void {
    this.#gossip.forget(peer);
    this.#redialer.lost(peer);
    this.#waiters.settle(peer, reason);
  }

  /** What a peer says about itself: which protocols it speaks, and where it listens. */
  #identified(result: IdentifyResult): void {
    const peer = result.peerId.toString();
    if (!result.protocols.includes(this.#protocol)) {
      this.#links.refuse(peer, 'wrong-network');
      return;
    }
    const listens = result.listenAddrs[0];
    if (result.connection.direction === 'inbound' && listens !== undefined) {
      this.#deps.book.remember(peer, withPeer(listens.toString(), peer));
    }
  }

  #discovered(found: PeerInfo): void {
    const { peers, limits } = this.#deps;
    const peer = found.id.toString();
    const address = found.multiaddrs[0];
    if (address === undefined || peer === this.self || peers.get(peer) !== undefined) return;
    if (peers.size >= limits.connectionsMax / 2 || peers.isBanned(peer)) return;
    this.#redialer.want(peer, withPeer(address.toString(), peer), false);
  }

  #applyFaults(): void {
    for (const { id } of this.peers()) {
      if (this.faults.severs(id)) this.#links.end(id, undefined);
    }
    this.#redialer.hurry();
  }

  #peerOf(address: string): PeerId {
    const peer = peerInAddress(this.#deps.modules, address);
    if (peer !== undefined) return peer;
    throw new PyralogError<NetErrorCode>(
      'net/bad-option',
      `${address} is no multiaddr with a peer id; it looks like /ip4/192.0.2.1/tcp/7072/p2p/12D3…`,
      { data: { address } },
    );
  }
}

/** The id at the end of a multiaddr. */
export function peerInAddress(modules: Modules, address: string): PeerId | undefined {
  try {
    const parts = modules.multiaddr.multiaddr(address).getComponents();
    return parts.findLast((part) => part.name === 'p2p')?.value;
  } catch {
    return undefined; // not a multiaddr: the caller words the error
  }
}

function withPeer(address: string, peer: PeerId): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${peer}`;
}

function unreachable(peer: PeerId, cause: unknown): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>('net/unreachable', `${peer} does not answer`, {
    data: { peer },
    cause,
  });
}

function refused(peer: PeerId, reason: string): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>('net/refused', `no link to ${peer}: ${reason}`, {
    data: { peer, reason },
  });
}
