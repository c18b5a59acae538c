import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface';
import type { PeerId } from '../types.ts';

export interface GateDeps {
  /** Banned, or cut off by an injected fault. */
  readonly denies: (peer: PeerId) => boolean;
  /** No place is left for one that nobody asked for ({@link Slots}). */
  readonly full: (peer: PeerId) => boolean;
}

/** Who may connect at all: nobody banned, not too many from one IP address, and strangers while there is room (G10). */
export class Gate {
  readonly #deps: GateDeps;
  readonly #perAddressMax: number;
  readonly #open = new Map<string, number>();
  refused = 0;

  constructor(deps: GateDeps, perAddressMax: number) {
    this.#deps = deps;
    this.#perAddressMax = perAddressMax;
  }

  gater(): ConnectionGater {
    return {
      denyInboundConnection: (connection) => this.#tooMany(connection),
      denyInboundEncryptedConnection: (peer) => this.#denies(peer.toString()),
      denyDialPeer: (peer) => this.#deps.denies(peer.toString()),
    };
  }

  #denies(peer: PeerId): boolean {
    if (this.#deps.denies(peer)) return true;
    if (!this.#deps.full(peer)) return false;
    this.refused++;
    return true;
  }

  /** Counts a connection from before its handshake until it closes: half-open ones cost the most. */
  #tooMany(connection: MultiaddrConnection): boolean {
    const ip = ipOf(connection.remoteAddr.toString());
    const count = this.#open.get(ip) ?? 0;
    if (count >= this.#perAddressMax) {
      this.refused++;
      return true;
    }
    this.#open.set(ip, count + 1);
    connection.addEventListener('close', () => this.#leave(ip), { once: true });
    return false;
  }

  #leave(ip: string): void {
    const count = (this.#open.get(ip) ?? 1) - 1;
    if (count <= 0) this.#open.delete(ip);
    else this.#open.set(ip, count);
  }
}

/** The IP in a multiaddr such as `/ip4/192.0.2.7/tcp/4001`; the whole text of anything else. */
export function ipOf(address: string): string {
  const [, kind, ip] = address.split('/');
  return (kind === 'ip4' || kind === 'ip6') && ip !== undefined ? ip : address;
}
