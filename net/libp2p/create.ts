import { PyralogError } from '../../base/errors.ts';
import { FaultSwitch } from '../faults.ts';
import { DEFAULT_LIMITS, type Libp2pOptions, type NetworkDeps } from '../options.ts';
import { loadPeerBook, PeerBook } from '../peer-book.ts';
import { PeerSet } from '../peer-set.ts';
import type { NetErrorCode, Network } from '../types.ts';
import { Gate } from './gate.ts';
import { createHost } from './host.ts';
import { loadModules, type Modules } from './modules.ts';
import { Libp2pNetwork } from './network.ts';

/**
 * Starts a libp2p host that is part of one network, and dials who it knows. Close it.
 *
 * Rejects with `net/bad-option` for a seed that is not 32 bytes, addresses without a peer id, announced ones that nobody can dial, QUIC (not installed), or
 * addresses that cannot be listened on, and with `net/address-taken` when somebody listens there already.
 */
export async function createLibp2pNetwork(
  deps: NetworkDeps,
  options: Libp2pOptions,
): Promise<Network> {
  if (options.seed.length !== 32) throw badOption('the transport key seed must be 32 bytes');
  const modules = await loadModules(options);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { clock, log } = deps;
  const faults = new FaultSwitch(deps.random);
  const { peers: known, scores } = await loadPeerBook(deps.peerBook, log);
  let network: Libp2pNetwork | undefined;
  const peers = new PeerSet(
    { clock, onBug: deps.onBug, onBan: (peer) => network?.banned(peer) },
    limits.banMs,
    scores,
  );
  const book = new PeerBook(
    { clock, log, store: deps.peerBook, scores: () => peers.scores() },
    known,
  );
  const gate = new Gate(
    {
      denies: (peer) => peers.isBanned(peer) || faults.severs(peer),
      full: (peer) => network?.full(peer) ?? false,
    },
    limits.connectionsPerAddressMax,
  );
  checkAnnounced(modules, options.announce ?? []);
  const { networkId } = options.hello();
  const host = await createHost({ modules, gater: gate.gater(), networkId, limits }, options);
  network = new Libp2pNetwork({ ...deps, modules, host, peers, book, faults, limits }, options);
  try {
    await network.start();
  } catch (err) {
    await network.close();
    if (err instanceof PyralogError) throw err;
    const addresses = options.listen.join(', ');
    if (!isTaken(err)) throw badOption(`cannot listen on ${addresses}`, err);
    const message = `cannot listen on ${addresses}: somebody does already`;
    throw new PyralogError<NetErrorCode>('net/address-taken', message, { cause: err });
  }
  return network;
}

/** G1: what nobody could dial would cost every peer its time. A peer id may be left out; libp2p adds it. */
function checkAnnounced({ multiaddr }: Modules, addresses: readonly string[]): void {
  for (const address of addresses) {
    const problem = announceProblem(multiaddr, address);
    if (problem !== undefined) throw badOption(`announced address ${address}: ${problem}`);
  }
}

function announceProblem({ multiaddr }: Modules['multiaddr'], address: string): string | undefined {
  try {
    const parts = multiaddr(address).getComponents();
    const [host, port] = parts;
    if (!/^(?:ip4|ip6|dns4|dns6|dns)$/.test(host?.name ?? '')) return 'begins with no host';
    if (host?.value === '0.0.0.0' || host?.value === '::') return 'is no host that can be dialled';
    if (port?.name !== 'tcp' || port.value === '0') return 'has no TCP port after the host';
    return undefined;
  } catch {
    return 'is no multiaddr, such as /dns4/node.example/tcp/4001';
  }
}

/** libp2p gathers what its listeners failed with into one text. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('EADDRINUSE');
}

function badOption(message: string, cause?: unknown): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>('net/bad-option', message, { cause });
}
