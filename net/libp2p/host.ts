import type { ComponentLogger, ConnectionGater, Logger } from '@libp2p/interface';
import type { Libp2pOptions, NetworkLimits } from '../options.ts';
import { gossipInit } from './gossip-init.ts';
import type { Modules } from './modules.ts';
import { thriftyNoise } from './sealing.ts';
import { thriftyTcp, thriftyYamux } from './thrift.ts';
import { transportKey } from './transport-key.ts';

/** Unread bytes of one stream beyond what its reader took: a link's inbox is ours, this much is the muxer's. */
const STREAM_WINDOW_BYTES = 512 * 1024;
const STREAM_WINDOW_BYTES_MIN = 256 * 1024;

export type Host = Awaited<ReturnType<typeof createHost>>;

export interface HostDeps {
  readonly modules: Modules;
  readonly gater: ConnectionGater;
  readonly networkId: string;
  readonly limits: NetworkLimits;
}

/** A libp2p node for one network, not yet started: tcp, noise, yamux, and what the options ask for (G1, G2). */
export async function createHost(deps: HostDeps, options: Libp2pOptions) {
  const { modules, networkId, limits } = deps;
  const { dht, mdns } = modules;
  const kadProtocol = `/pyralog/${networkId}/kad/1`;
  return modules.libp2p.createLibp2p({
    start: false,
    privateKey: modules.keys.privateKeyFromRaw(transportKey(options.seed)),
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    logger: quietLogger,
    connectionGater: deps.gater,
    transports: [
      thriftyTcp(modules),
      ...(modules.websockets === undefined ? [] : [modules.websockets.webSockets()]),
    ],
    connectionEncrypters: [thriftyNoise(modules)],
    streamMuxers: [
      thriftyYamux(modules, {
        enableKeepAlive: false,
        maxInboundStreams: 64,
        maxOutboundStreams: 64,
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW_BYTES_MIN,
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
        },
      }),
    ],
    connectionManager: {
      // Slots say who may stay; libp2p counts all alike, and strangers could keep out those this node needs.
      maxConnections: 2 * limits.connectionsMax,
      // Per address and second; how many may stay open is the gate's to say.
      inboundConnectionThreshold: limits.connectionsPerAddressMax,
      maxIncomingPendingConnections: limits.connectionsMax,
      inboundUpgradeTimeout: limits.answerMsMax,
      // Losing peers and finding them again is the redialer's business alone.
      reconnectRetries: 0,
    },
    // Links ping; a second heartbeat over streams of its own would cost more than it tells.
    connectionMonitor: { enabled: false },
    peerDiscovery:
      mdns === undefined ? [] : [mdns.mdns({ serviceTag: `_pyralog-${networkId}._udp.local` })],
    services: {
      identify: modules.identify.identify({ protocolPrefix: 'ipfs' }),
      ping: modules.ping.ping(),
      gossip: modules.gossipsub.gossipsub(gossipInit(networkId)),
      ...(dht === undefined
        ? {}
        : {
            dht: dht.kadDHT({
              protocol: kadProtocol,
              clientMode: false,
              peerInfoMapper: dht.passthroughMapper,
            }),
          }),
    },
  });
}

/** What libp2p has to say at every step is not worth its formatting; what matters comes back as values. */
const quietLogger: ComponentLogger = { forComponent: () => quiet };

const quiet: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => quiet,
});
