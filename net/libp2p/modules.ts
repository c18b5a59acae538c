import { PyralogError } from '../../base/errors.ts';
import type { Libp2pOptions } from '../options.ts';
import type { NetErrorCode } from '../types.ts';

const QUIC_PACKAGE = '@chainsafe/libp2p-quic';

/**
 * The libp2p modules a host needs, loaded when it starts: a node without a network, or without discovery, does not
 * carry their code in memory.
 */
export async function loadModules(options: Libp2pOptions) {
  if (options.quic === true) throw quicMissing();
  const [libp2p, keys, tcp, noise, yamux, identify, ping, gossipsub, multiaddr] = await Promise.all(
    [
      import('libp2p'),
      import('@libp2p/crypto/keys'),
      import('@libp2p/tcp'),
      import('@libp2p/noise'),
      import('@libp2p/yamux'),
      import('@libp2p/identify'),
      import('@libp2p/ping'),
      import('@libp2p/gossipsub'),
      import('@multiformats/multiaddr'),
    ],
  );
  const [websockets, mdns, dht] = await Promise.all([
    options.websocket === true ? import('@libp2p/websockets') : undefined,
    options.mdns === true ? import('@libp2p/mdns') : undefined,
    options.dht === true ? import('@libp2p/kad-dht') : undefined,
  ]);
  return {
    libp2p,
    keys,
    tcp,
    noise,
    yamux,
    identify,
    ping,
    gossipsub,
    multiaddr,
    websockets,
    mdns,
    dht,
  };
}

export type Modules = Awaited<ReturnType<typeof loadModules>>;

function quicMissing(): PyralogError<NetErrorCode> {
  return new PyralogError<NetErrorCode>(
    'net/bad-option',
    `QUIC needs the package ${QUIC_PACKAGE}, which is not installed with this version; turn the option off`,
    { data: { package: QUIC_PACKAGE } },
  );
}
