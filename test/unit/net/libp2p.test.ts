import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { type LogFields, silentLogger } from '../../../base/log.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';
import {
  createLibp2pNetwork,
  FRAME_BYTES_MAX,
  type Libp2pOptions,
  type Link,
  type Network,
  type NetworkDeps,
  TOPICS,
} from '../../../net/index.ts';
import { compress, topicPath } from '../../../net/libp2p/gossip-codec.ts';
import { dial, helloOf, never } from '../../contract/networks.ts';
import { realClock } from '../../support/real-clock.ts';
import { turns, until } from '../../support/until.ts';

const PROTOCOL = `/pyralog/${helloOf({}).networkId}/link/1`;

const closers: (() => Promise<void>)[] = [];

async function start(
  seed: number,
  options: Partial<Libp2pOptions> = {},
  deps: Partial<NetworkDeps> = {},
): Promise<Network> {
  const network = await createLibp2pNetwork(
    {
      clock: realClock,
      random: seededRandom(seed),
      log: silentLogger,
      onBug: (bug) => {
        throw bug;
      },
      ...deps,
    },
    {
      seed: new Uint8Array(32).fill(seed),
      hello: () => helloOf({}),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      ...options,
    },
  );
  closers.push(() => network.close());
  return network;
}

/** Whether this machine gives a datagram to a multicast group back to itself, as DNS on the local network needs. */
function canMulticast(): Promise<boolean> {
  const group = '224.0.0.251';
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  return new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), 1_000);
    const answer = (isHeard: boolean) => {
      clearTimeout(late);
      resolve(isHeard);
    };
    socket.on('error', () => answer(false));
    socket.on('message', () => answer(true));
    socket.bind(0, () => {
      try {
        socket.addMembership(group);
        socket.send('pyralog', socket.address().port, group, (error) => error && answer(false));
      } catch {
        answer(false); // no interface that takes part in multicast
      }
    });
  }).finally(() => socket.close());
}

/** A libp2p node that is none of ours: it knows the transport and what to call the link protocol. */
async function stranger(onStream?: (send: (bytes: Uint8Array) => void) => void): Promise<Libp2p> {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  await node.handle(PROTOCOL, (stream) => onStream?.((bytes) => void stream.send(bytes)));
  closers.push(async () => node.stop());
  return node;
}

/** Connects a stranger and lets it speak on the link, whoever opens it. */
async function attack(network: Network, bytes: Uint8Array): Promise<void> {
  const node = await stranger((send) => send(bytes));
  const connection = await node.dial(multiaddr(network.addresses()[0] ?? ''));
  if (node.peerId.toString() < network.self) {
    const stream = await connection.newStream(PROTOCOL);
    stream.send(bytes);
  }
}

describe('libp2p network', () => {
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  for (const [name, bytes, fault] of [
    [
      'garbage after the handshake of noise',
      Uint8Array.from({ length: 500 }, (_, i) => i * 89 + 3),
      'malformed',
    ],
    ['zeros', new Uint8Array(500), 'malformed'],
    ['a frame said to be of 4 GiB', Uint8Array.of(255, 255, 255, 255, 3), 'oversized'],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'malformed'],
  ] as const) {
    it(`scores ${name} and closes the connection (G3)`, async () => {
      const network = await start(1);
      await attack(network, bytes);
      await until(() => network.metrics().faults[fault] === 1);
      assert.deepEqual(network.peers(), []);
    });
  }

  it('closes on who connects and says nothing (G7)', async () => {
    const network = await start(1, { limits: { answerMsMax: 50 } });
    const node = await stranger();
    await node.dial(multiaddr(network.addresses()[0] ?? ''));
    await until(() => network.metrics().faults.unresponsive > 0);
    await until(() => node.getConnections().length === 0);
  });

  it('takes so many connections from one address and no more (G10)', async () => {
    const network = await start(1, { limits: { connectionsPerAddressMax: 3 } });
    const nodes = await Promise.all(Array.from({ length: 5 }, () => stranger()));
    const outcomes = await Promise.allSettled(
      nodes.map((node) => node.dial(multiaddr(network.addresses()[0] ?? ''))),
    );
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 3);
    // When one leaves there is a place again.
    await nodes[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')]?.stop();
    const late = await stranger();
    let connected = false;
    while (!connected) {
      connected = await late.dial(multiaddr(network.addresses()[0] ?? '')).then(
        () => true,
        () => false,
      );
    }
  });

  it('keeps places for those it was told of, however many strangers come (G10)', async () => {
    const [known, other] = [await start(2), await start(3)];
    // It cannot be dialled there: it has to come by itself.
    const bootstrap = [`/ip4/127.0.0.1/tcp/1/p2p/${known.self}`];
    const network = await start(1, { bootstrap, limits: { connectionsMax: 4 } });
    const address = network.addresses()[0] ?? '';
    const nodes = await Promise.all(Array.from({ length: 6 }, () => stranger()));
    await Promise.allSettled(nodes.map((node) => node.dial(multiaddr(address))));
    const connected = () => nodes.filter((node) => node.getConnections().length > 0).length;
    await until(() => connected() === 3);
    await assert.rejects(dial(other, network));
    await dial(known, network);
    await until(() => network.peers().some(({ id }) => id === known.self));
    assert.equal(connected(), 3);
  });

  it('keeps bounded memory for a peer that does not read (G10)', async () => {
    const [a, b] = [await start(1), await start(2)];
    const links: Link[] = [];
    a.onPeer({ connected: (link) => links.push(link), disconnected: () => {} });
    await dial(a, b);
    let placed = 0;
    for (let i = 0; i < 60; i++) {
      void links[0]?.send('sync', new Uint8Array(FRAME_BYTES_MAX / 4), 'bulk').then(
        () => {
          placed++;
        },
        () => {}, // refused when the test is over
      );
    }
    let before = -1;
    while (before !== placed || placed === 0) {
      before = placed;
      await turns(500);
    }
    assert.ok(placed < 10, `${placed} MiB were taken`);
    assert.ok(a.metrics().queueBytes <= 3 * 1024 * 1024);
    assert.ok(b.metrics().receivedBytes < 8 * 1024 * 1024);
  });

  it('remembers peers and bans over a restart, and is not stopped by a damaged book (G13)', async () => {
    const store = {
      text: undefined as string | undefined,
      load: async () => store.text,
      save: async (text: string) => {
        store.text = text;
      },
    };
    const other = await start(2);
    const banned = await start(3);
    const first = await start(1, {}, { peerBook: store });
    await dial(first, other);
    await dial(first, banned);
    first.report(banned.self, 'wrong-network');
    await until(() => first.peers().length === 1);
    await first.close();
    const second = await start(1, {}, { peerBook: store });
    await until(() => second.peers().length === 1);
    assert.equal(second.peers()[0]?.id, other.self);
    await assert.rejects(second.dial(banned.addresses()[0] ?? '', never), {
      code: 'net/refused',
      data: { peer: banned.self, reason: 'banned' },
    });
    await second.close();
    store.text = '{"pyralog":';
    const warned: string[] = [];
    const log = { ...silentLogger, warn: (_: LogFields, text: string) => warned.push(text) };
    await start(1, {}, { peerBook: store, log });
    assert.equal(warned.length, 1);
  });

  it('stays connected to its bootstrap peers, which may come later (G11)', async () => {
    const limits = { redialMsMin: 10, redialMsMax: 50 };
    const early = await start(2);
    const [address = ''] = early.addresses();
    await early.close();
    const node = await start(1, { bootstrap: [address], limits });
    await until(() => node.metrics().dialsFailed > 1);
    const port = address.split('/')[4];
    await start(2, { listen: [`/ip4/127.0.0.1/tcp/${port}`] });
    await until(() => node.peers().length === 1);
  });

  it('finds peers of peers through Kademlia (G2)', async () => {
    const b = await start(2, { dht: true });
    const [address = ''] = b.addresses();
    const a = await start(1, { dht: true, bootstrap: [address] });
    await until(() => a.peers().length === 1);
    const c = await start(3, { dht: true, bootstrap: [address] });
    await until(() => c.peers().some((peer) => peer.id === a.self));
  });

  it('speaks WebSocket when told to', async () => {
    const a = await start(1, { websocket: true });
    const b = await start(2, { websocket: true, listen: ['/ip4/127.0.0.1/tcp/0/ws'] });
    assert.match(b.addresses()[0] ?? '', /\/ws\/p2p\//);
    await dial(a, b);
  });

  it('finds peers of its network on the local network, by multicast DNS (G1)', async function () {
    if (!(await canMulticast())) this.skip();
    const a = await start(1, { mdns: true });
    const b = await start(2, { mdns: true });
    await until(() => a.peers().some(({ id }) => id === b.self));
  });

  it('tells the addresses that it is to announce, and no others (G1)', async () => {
    const announced = '/dns4/node.example/tcp/4001';
    const a = await start(1, { announce: [announced] });
    assert.deepEqual(a.addresses(), [`${announced}/p2p/${a.self}`]);
    for (const bad of [
      'node.example:4001',
      '/ip4/0.0.0.0/tcp/4001',
      '/ip4/1.2.3.4/tcp/0',
      '/tcp/1',
    ]) {
      await assert.rejects(start(2, { announce: [bad] }), { code: 'net/bad-option' }, bad);
    }
  });

  it('says what it cannot do', async () => {
    await assert.rejects(start(1, { quic: true }), /@chainsafe\/libp2p-quic/);
    await assert.rejects(start(1, { seed: new Uint8Array(31) }), { code: 'net/bad-option' });
    await assert.rejects(start(1, { bootstrap: ['/ip4/127.0.0.1/tcp/1'] }), {
      code: 'net/bad-option',
    });
    const a = await start(1);
    const taken = a.addresses()[0]?.split('/p2p/')[0] ?? '';
    await assert.rejects(start(2, { listen: [taken] }), { code: 'net/address-taken' });
  });

  it('scores what is no gossip message, before anyone validates it (G9)', async () => {
    const network = await start(1);
    let validated = 0;
    network.gossip.onMessage('anchors', () => {
      validated++;
      return 'accept';
    });
    const node = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      services: {
        identify: identify(),
        gossip: gossipsub({ globalSignaturePolicy: 'StrictNoSign', floodPublish: true }),
      },
    });
    closers.push(async () => node.stop());
    await node.handle(PROTOCOL, () => {});
    await node.dial(multiaddr(network.addresses()[0] ?? ''));
    const { gossip } = node.services;
    const topic = topicPath(helloOf({}).networkId, 'anchors');
    await until(() => gossip.getSubscribers(topic).length > 0);
    await gossip.publish(topic, Uint8Array.of(255, 255, 255, 255, 255, 255));
    await until(() => network.metrics().faults.malformed === 1);
    await gossip.publish(topic, compress(new Uint8Array(TOPICS.anchors + 1)));
    await until(() => network.metrics().faults.oversized === 1);
    assert.equal(network.metrics().bannedPeers, 1);
    await until(() => node.getConnections().length === 0);
    assert.equal(validated, 0);
  });
});
