import { strict as assert } from 'node:assert';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';
import { createMemoryNetworkHub, type Link, type Network } from '../../../net/index.ts';
import { helloOf, never } from '../../contract/networks.ts';
import { drive, pass } from './support.ts';

const onBug = (bug: unknown) => {
  throw bug;
};

/** Nodes that are all connected, write down what reaches them, and pass gossip on. */
async function mesh(seed: number, count = 4) {
  const clock = new SimClock();
  const hub = createMemoryNetworkHub(clock, seededRandom(seed));
  const trace: string[] = [];
  const links = new Map<string, Link>();
  const join = (id: string): Network => {
    const network = hub.join(() => helloOf({}), { id, onBug });
    network.onPeer({
      connected: async (link) => {
        trace.push(`${clock.monotonic()} ${id}+${link.peer}`);
        links.set(`${id}>${link.peer}`, link);
        for await (const frame of link.receive(never)) {
          trace.push(`${clock.monotonic()} ${link.peer}>${id} ${frame.channel} ${frame.bytes}`);
        }
      },
      disconnected: (peer) => trace.push(`${clock.monotonic()} ${id}-${peer}`),
    });
    network.gossip.onMessage('transactions', (m) => {
      trace.push(`${clock.monotonic()} ${m.from}>>${id} ${m.bytes}`);
      return 'accept';
    });
    return network;
  };
  const nodes = Array.from({ length: count }, (_, i) => join(`n${i}`));
  for (const [i, node] of nodes.entries()) {
    for (const other of nodes.slice(i + 1)) {
      let done = false;
      void node.dial(other.addresses()[0] ?? '', never).then(() => {
        done = true;
      });
      await drive(clock, () => done);
    }
  }
  const link = (from: string, to: string): Link => {
    const found = links.get(`${from}>${to}`);
    assert.ok(found, `${from} has a link to ${to}`);
    return found;
  };
  const [a, b] = nodes;
  assert.ok(a && b);
  return { clock, hub, nodes, a, b, trace, link, join };
}

const storm = {
  delayMsMin: 1,
  delayMsMax: 50,
  lossRate: 0.2,
  duplicateRate: 0.1,
  reorderRate: 0.2,
};

/** A run with every kind of fault in it. */
async function stormy(seed: number) {
  const net = await mesh(seed);
  net.hub.weather(storm);
  for (let i = 0; i < 60; i++) {
    await net.link('n0', 'n1').send('sync', Uint8Array.of(i), 'normal');
    await net.link('n2', 'n3').send('consensus', Uint8Array.of(i), 'urgent');
    await net.a.gossip.publish('transactions', Uint8Array.of(1, i));
    if (i === 20) net.hub.partition(['n0'], ['n2']);
    if (i === 25) net.hub.clog('n0', 'n1');
    if (i === 40) net.hub.unclog('n0', 'n1');
    if (i === 45) net.hub.heal();
    await pass(net.clock, 5);
  }
  await pass(net.clock, 1_000);
  for (const node of net.nodes) await node.close();
  return { trace: net.trace, counts: net.hub.counts() };
}

describe('in-memory network on virtual time (G15)', () => {
  it('runs alike with the same seed, and otherwise with another', async () => {
    const [first, again, other] = [await stormy(7), await stormy(7), await stormy(8)];
    assert.deepEqual(again, first);
    assert.notDeepEqual(other.trace, first.trace);
  });

  it('has every kind of weather', async () => {
    const { counts } = await stormy(7);
    for (const [kind, count] of Object.entries(counts)) assert.ok(count > 0, kind);
  });

  it('keeps links in order unless told to reorder', async () => {
    const { clock, hub, trace, link } = await mesh(1, 2);
    hub.weather({ delayMsMin: 1, delayMsMax: 100 });
    for (let i = 0; i < 100; i++) await link('n0', 'n1').send('sync', Uint8Array.of(i), 'normal');
    await pass(clock, 1_000);
    const got = trace.flatMap((line) => / sync (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, i) => i),
    );
    hub.weather({ reorderRate: 0.5 });
    for (let i = 0; i < 100; i++) await link('n0', 'n1').send('status', Uint8Array.of(i), 'normal');
    await pass(clock, 1_000);
    const mixed = trace.flatMap((line) => / status (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    assert.equal(mixed.length, 100);
    assert.notDeepEqual(mixed, got);
  });

  it('cuts one way, closes the link for its silence, and connects again when healed', async () => {
    const { clock, hub, a, trace, link } = await mesh(1, 2);
    hub.partition(['n0'], ['n1']);
    await link('n0', 'n1').send('sync', Uint8Array.of(1), 'normal');
    await link('n1', 'n0').send('sync', Uint8Array.of(2), 'normal');
    await pass(clock, 1_000);
    assert.ok(trace.some((line) => line.endsWith('n1>n0 sync 2')));
    assert.ok(!trace.some((line) => line.endsWith('n0>n1 sync 1')));
    await drive(clock, () => a.peers().length === 0);
    assert.equal(a.metrics().faults.unresponsive, 1);
    hub.heal();
    await drive(clock, () => a.peers().length === 1);
  });

  it('forgives a partition that ends before the silence is noticed', async () => {
    const { clock, hub, a, trace } = await mesh(1, 2);
    hub.partition(['n0'], ['n1']);
    await pass(clock, 5_000);
    hub.heal();
    hub.partition(['n0'], ['n1']);
    await pass(clock, 6_000);
    hub.heal();
    await pass(clock, 60_000);
    assert.equal(a.peers().length, 1);
    assert.ok(!trace.some((line) => /n0-n1$/.test(line)));
  });

  it('holds back what is clogged, and lets it through in order', async () => {
    const { clock, hub, trace, link } = await mesh(1, 2);
    hub.clog('n0', 'n1');
    for (let i = 0; i < 10; i++) await link('n0', 'n1').send('sync', Uint8Array.of(i), 'normal');
    await link('n1', 'n0').send('sync', Uint8Array.of(99), 'normal');
    await pass(clock, 100_000);
    const got = () => trace.flatMap((line) => /n0>n1 sync (\d+)$/.exec(line)?.[1] ?? []);
    assert.deepEqual(got(), []);
    assert.ok(trace.some((line) => line.endsWith('n1>n0 sync 99')));
    hub.unclog('n0', 'n1');
    await pass(clock, 1);
    assert.deepEqual(
      got().map(Number),
      Array.from({ length: 10 }, (_, i) => i),
    );
  });

  it('tells a crashed node nothing, its peers soon, and takes it back under its name', async () => {
    const { clock, hub, a, b, trace, join } = await mesh(1, 3);
    hub.weather({ delayMsMin: 5, delayMsMax: 5 });
    trace.length = 0;
    hub.crash('n1');
    const again = join('n1');
    await assert.rejects(b.dial('/memory/n0/p2p/n0', never), { code: 'net/closed' });
    await drive(clock, () => again.peers().length > 0);
    await pass(clock, 10_000);
    assert.equal(a.peers().length, 2);
    assert.ok(trace.some((line) => line.endsWith('n0-n1')));
    assert.ok(trace.filter((line) => / n1-/.test(line)).length === 0);
    const ofN0 = trace.filter((line) => / n0[+-]n1$/.test(line)).map((line) => line.slice(-5));
    assert.deepEqual(ofN0, ['n0-n1', 'n0+n1']);
  });

  it('bounds what waits for a reader that never comes (G10)', async () => {
    const clock = new SimClock();
    const hub = createMemoryNetworkHub(clock, seededRandom(1));
    const [a, b] = ['a', 'b'].map((id) => hub.join(() => helloOf({}), { id, onBug }));
    assert.ok(a && b);
    const links: Link[] = [];
    a.onPeer({ connected: (link) => links.push(link), disconnected: () => {} });
    void a.dial(b.addresses()[0] ?? '', never);
    await drive(clock, () => links.length === 1);
    let placed = 0;
    for (let i = 0; i < 1_000; i++) {
      void links[0]?.send('sync', new Uint8Array(10_000), 'bulk').then(
        () => {
          placed++;
        },
        () => {},
      );
    }
    await pass(clock, 10_000);
    assert.ok(placed > 100 && placed < 300, `${placed} of 1000 frames were taken`);
    await a.close();
    assert.equal(clock.advance(), false, 'nothing is left to do after both were closed');
    await b.close();
  });
});
