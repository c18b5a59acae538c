import { PyralogError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { FaultSwitch } from '../faults.ts';
import { linkClosed } from '../frame-queue.ts';
import { faultOfHello, type Hello } from '../hello.ts';
import type { NetworkLimits } from '../options.ts';
import { PeerSet } from '../peer-set.ts';
import { Redialer } from '../redialer.ts';
import type {
  Fault,
  NetErrorCode,
  NetFigures,
  Network,
  PeerId,
  PeerListener,
  PeerState,
} from '../types.ts';
import { MemoryGossip } from './gossip.ts';
import { MemoryLink } from './link.ts';
import type { Medium, Station } from './medium.ts';

export interface MemoryNetworkDeps {
  readonly medium: Medium;
  readonly log: Logger;
  readonly onBug: (bug: unknown) => void;
  /** The living node of that name. */
  readonly find: (peer: PeerId) => MemoryNetwork | undefined;
  readonly leave: (network: MemoryNetwork) => void;
}

export interface MemoryNetworkOptions {
  readonly self: PeerId;
  readonly hello: () => Hello;
  readonly limits: NetworkLimits;
}

/** A node of the simulated network. */
export class MemoryNetwork implements Network, Station {
  readonly self: PeerId;
  readonly faults: FaultSwitch;
  readonly gossip: MemoryGossip;
  readonly #deps: MemoryNetworkDeps;
  readonly #options: MemoryNetworkOptions;
  readonly #peers: PeerSet;
  readonly #redialer: Redialer;
  readonly #links = new Map<PeerId, MemoryLink>();
  #state: 'open' | 'closed' | 'crashed' = 'open';

  constructor(deps: MemoryNetworkDeps, options: MemoryNetworkOptions) {
    const { medium, onBug } = deps;
    const { clock, random } = medium;
    this.self = options.self;
    this.#deps = deps;
    this.#options = options;
    this.faults = new FaultSwitch(random);
    this.faults.onChange(() => this.faultsChanged());
    const onBan = (peer: PeerId) => this.#links.get(peer)?.end();
    this.#peers = new PeerSet({ clock, onBug, onBan }, options.limits.banMs);
    this.#redialer = new Redialer(
      { clock, random, dial: (peer) => this.#reach(peer) },
      { ...options.limits, attemptsMax: Number.POSITIVE_INFINITY },
    );
    this.gossip = new MemoryGossip(
      { medium, onBug, station: this, peers: this.#peers, neighbours: () => this.#neighbours() },
      options.limits.gossipQueueMax,
    );
  }

  addresses(): string[] {
    return [addressOf(this.self)];
  }

  peers(): readonly PeerState[] {
    return this.#peers.states();
  }

  onPeer(listener: PeerListener): () => void {
    return this.#peers.onPeer(listener);
  }

  async dial(address: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const peer = peerOf(address);
    if (peer === undefined) {
      throw new PyralogError<NetErrorCode>(
        'net/bad-option',
        `${address} is no address of this network; it looks like ${addressOf('node-1')}`,
        { data: { address } },
      );
    }
    await this.#reach(peer);
    this.#redialer.want(peer, address, true);
    this.#redialer.connected(peer);
  }

  report(peer: PeerId, fault: Fault): void {
    this.#peers.report(peer, fault);
  }

  ban(peer: PeerId, ms: number): void {
    this.#peers.ban(peer, ms);
  }

  unban(peer: PeerId): boolean {
    return this.#peers.unban(peer);
  }

  metrics(): NetFigures {
    return this.#peers.figures();
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    for (const link of [...this.#links.values()]) link.end();
    this.#stop('closed');
  }

  /** Gone from one instant to the next: nobody here is told anything, and the others find out. */
  crash(): void {
    if (this.#state !== 'open') return;
    this.#stop('crashed');
    const { clock } = this.#deps.medium;
    for (const link of [...this.#links.values()]) {
      link.endHere();
      const at = clock.monotonic() + this.#deps.medium.delayMs();
      clock.schedule(at, () => link.other?.endHere());
    }
  }

  /** A partition began or ended somewhere: blocked links die of silence, severed ones at once. */
  faultsChanged(): void {
    const { medium, find } = this.#deps;
    const now = medium.clock.monotonic();
    for (const link of [...this.#links.values()]) {
      const other = find(link.peer);
      if (other === undefined) continue;
      if (this.faults.severs(link.peer)) link.end();
      else if (!medium.blocks(this, other) && !medium.blocks(other, this)) {
        link.blockedSince = undefined;
      } else if (link.blockedSince === undefined) {
        link.blockedSince = now;
        const { pingIdleMs, answerMsMax } = this.#options.limits;
        medium.clock.schedule(now + pingIdleMs + answerMsMax, () => this.#silent(link, now));
      }
    }
    this.#redialer.hurry();
  }

  #silent(link: MemoryLink, since: number): void {
    if (this.#links.get(link.peer) !== link || link.blockedSince !== since) return;
    this.#peers.report(link.peer, 'unresponsive');
    link.end();
  }

  #stop(state: 'closed' | 'crashed'): void {
    this.#state = state;
    this.#redialer.close();
    this.gossip.close();
    this.#deps.leave(this);
  }

  /** A handshake: one trip through the medium, then both ends have a link, or neither. */
  #reach(peer: PeerId): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(linkClosed());
    if (this.#links.has(peer)) return Promise.resolve();
    const { medium, find } = this.#deps;
    return new Promise((resolve, reject) => {
      medium.clock.schedule(medium.clock.monotonic() + medium.delayMs(), () => {
        const other = find(peer);
        const failure = this.#links.has(peer) ? undefined : this.#meet(peer, other);
        if (failure === undefined) {
          resolve();
          return;
        }
        this.#peers.counters.dialsFailed++;
        reject(failure);
      });
    });
  }

  #meet(peer: PeerId, other: MemoryNetwork | undefined): PyralogError<NetErrorCode> | undefined {
    const { medium } = this.#deps;
    if (this.#state !== 'open') return linkClosed();
    if (other === undefined || other === this || other.#state !== 'open') return unreachable(peer);
    if (medium.blocks(this, other) || medium.blocks(other, this)) return unreachable(peer);
    const [mine, theirs] = [this.#refusal(other), other.#refusal(this)];
    const reason = mine ?? theirs;
    if (reason !== undefined) {
      return new PyralogError<NetErrorCode>('net/refused', `no link to ${peer}: ${reason}`, {
        data: { peer, reason },
      });
    }
    const here = this.#link(other);
    const there = other.#link(this);
    here.join(there);
    there.join(here);
    other.#greet(there, this, true);
    // The other side's listener may have closed it again.
    if (this.#links.get(peer) === here) this.#greet(here, other, false);
    return undefined;
  }

  #refusal(other: MemoryNetwork): string | undefined {
    if (this.#peers.isBanned(other.self)) return 'banned';
    if (this.#peers.size >= this.#options.limits.connectionsMax) return 'too-many-peers';
    const fault = faultOfHello(this.#options.hello(), other.#options.hello());
    if (fault !== undefined) this.#peers.report(other.self, fault);
    return fault;
  }

  #link(other: MemoryNetwork): MemoryLink {
    // A node that crashed and is back before its old link was found dead.
    this.#links.get(other.self)?.endHere();
    const link = new MemoryLink(
      {
        medium: this.#deps.medium,
        from: this,
        to: other,
        counters: this.#peers.counters,
        onEnd: (ended) => this.#ended(ended),
      },
      this.#options.limits,
    );
    this.#links.set(other.self, link);
    return link;
  }

  #greet(link: MemoryLink, other: MemoryNetwork, inbound: boolean): void {
    const hello = other.#options.hello();
    this.#redialer.connected(other.self);
    this.#peers.add({ link, hello, address: addressOf(other.self), inbound });
  }

  #ended(link: MemoryLink): void {
    if (this.#links.get(link.peer) === link) this.#links.delete(link.peer);
    if (this.#state === 'crashed') return;
    this.#peers.remove(link);
    this.#redialer.lost(link.peer);
  }

  *#neighbours(): Iterable<MemoryGossip> {
    for (const peer of this.#links.keys()) {
      const other = this.#deps.find(peer);
      if (other !== undefined) yield other.gossip;
    }
  }
}

function addressOf(peer: PeerId): string {
  return `/memory/${peer}/p2p/${peer}`;
}

function peerOf(address: string): PeerId | undefined {
  const [, kind, , p2p, peer] = address.split('/');
  return kind === 'memory' && p2p === 'p2p' ? peer : undefined;
}

function unreachable(peer: PeerId): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>('net/unreachable', `${peer} does not answer`, {
    data: { peer },
  });
}
