import { strict as assert } from 'node:assert';
import { decodeBatch, encodeBatch } from '../../../chain/mempool/batch.ts';
import {
  startTransactionGossip,
  type TransactionGossip,
  type TransactionGossipOptions,
} from '../../../chain/mempool/gossip.ts';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';
import {
  createMemoryNetworkHub,
  type GossipMessage,
  type MemoryHub,
  type Network,
  type Topic,
  type Validate,
} from '../../../net/index.ts';
import { helloOf } from '../../contract/networks.ts';
import { type Made, make, type PoolUnderTest, poolUnderTest } from '../../support/pool.ts';

interface Node extends PoolUnderTest {
  readonly network: Network;
  readonly gossip: TransactionGossip;
  /** As a client's submission. */
  submit(...made: readonly Made[]): Promise<void>;
}

interface Mesh {
  readonly hub: MemoryHub;
  readonly clock: SimClock;
  readonly nodes: readonly Node[];
  /** Lets virtual time pass until the condition holds, at most so long. */
  until(condition: () => boolean, msMax?: number): Promise<boolean>;
  close(): Promise<void>;
}

async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Everyone linked to everyone, each with an empty mempool. */
async function mesh(count: number, options: TransactionGossipOptions = {}): Promise<Mesh> {
  const clock = new SimClock();
  const hub = createMemoryNetworkHub(clock, seededRandom(7));
  const onBug = (bug: unknown) => assert.fail(String(bug));
  const ids = Array.from({ length: count }, (_, i) => `node-${i}`);
  const networks = ids.map((id) => hub.join(() => helloOf({}), { id, onBug }));
  const passes = async (condition: () => boolean, msMax = 60_000): Promise<boolean> => {
    const end = clock.monotonic() + msMax;
    for (;;) {
      await turn();
      if (condition()) return true;
      if (clock.monotonic() >= end || !clock.advance()) return false;
    }
  };
  for (const [i, network] of networks.entries()) {
    for (const other of networks.slice(i + 1)) {
      const dialling = network.dial(other.addresses()[0] ?? '', new AbortController().signal);
      let done = false;
      dialling.then(
        () => {
          done = true;
        },
        (error: unknown) => assert.fail(String(error)),
      );
      assert.ok(await passes(() => done));
    }
  }
  const nodes = networks.map((network): Node => {
    const under = poolUnderTest({}, clock);
    const gossip = startTransactionGossip(
      { mempool: under.pool, gossip: network.gossip, clock, onBug },
      options,
    );
    const submit = async (...made: readonly Made[]) => {
      for (const admission of await under.add(...made)) {
        assert.ok(admission.ok);
        gossip.announce(admission.id);
      }
    };
    return { ...under, network, gossip, submit };
  });
  const close = async () => {
    for (const { gossip, pool, network } of nodes) {
      gossip.stop();
      pool.stop();
      await network.close();
    }
  };
  return { hub, clock, nodes, until: passes, close };
}

describe('gossip of transactions (X20)', () => {
  let net: Mesh;
  afterEach(() => net.close());

  const first = () => {
    const [node] = net.nodes;
    assert.ok(node !== undefined);
    return node;
  };
  const everyoneHas = (count: number) => () => net.nodes.every(({ pool }) => pool.count === count);

  it('brings a burst to everyone in few messages, not one a transaction', async () => {
    net = await mesh(4);
    await first().submit(...Array.from({ length: 500 }, (_, i) => make({ from: i + 1 })));
    assert.ok(await net.until(everyoneHas(500), 1_000));
    const { batchesSent, transactionsSent } = first().gossip.figures();
    assert.equal(transactionsSent, 500);
    assert.ok(batchesSent <= 3, `${batchesSent} batches`);
    for (const node of net.nodes.slice(1)) assert.equal(node.gossip.figures().batchesSent, 0);
  });

  it('sends nothing before its few milliseconds are over, and then at once', async () => {
    net = await mesh(2, { flushMs: 5 });
    const since = net.clock.monotonic();
    await first().submit(make());
    assert.ok(await net.until(() => first().gossip.figures().batchesSent === 1));
    assert.equal(net.clock.monotonic() - since, 5);
  });

  it('gathers what comes soon after a batch, so that a stream of single ones is not a batch each', async () => {
    net = await mesh(2, { flushMs: 5, gapMs: 40 });
    const since = net.clock.monotonic();
    const sent = (count: number) => () => first().gossip.figures().batchesSent === count;
    await first().submit(make({ from: 1 }));
    assert.ok(await net.until(sent(1)));
    await first().submit(make({ from: 2 }));
    await net.until(() => false, 10);
    await first().submit(make({ from: 3 }));
    assert.ok(await net.until(sent(2)));
    assert.equal(net.clock.monotonic() - since, 45);
    assert.ok(await net.until(everyoneHas(3)));
    assert.equal(first().gossip.figures().transactionsSent, 3);
  });

  it('gathers the longer, the more it last had to tell', async () => {
    net = await mesh(2, { flushMs: 5, gapMs: 10, transactionMs: 4, waitMsMax: 60 });
    const sent = (count: number) => () => first().gossip.figures().batchesSent === count;
    const tell = async (transactions: number, from: number) => {
      const made = Array.from({ length: transactions }, (_, i) => make({ from: from + i }));
      await first().submit(...made);
    };
    await tell(8, 1);
    assert.ok(await net.until(sent(1)));
    const since = net.clock.monotonic();
    await tell(100, 11);
    assert.ok(await net.until(sent(2)));
    assert.equal(net.clock.monotonic() - since, 32);
    await tell(1, 111);
    assert.ok(await net.until(sent(3)));
    assert.equal(net.clock.monotonic() - since, 92);
  });

  it('passes a batch on after a while, the longer the more it holds', async () => {
    net = await mesh(2);
    const { clock } = net;
    const { pool } = first();
    let hear: Validate | undefined;
    const gossip = {
      publish: async () => {},
      onMessage: (_: Topic, validate: Validate) => {
        hear = validate;
        return () => {};
      },
    };
    const options = { transactionMs: 4, waitMsMax: 60 };
    const onBug = (bug: unknown) => assert.fail(String(bug));
    const deps = { mempool: pool, gossip, clock, onBug, random: () => 0.5 };
    const under = startTransactionGossip(deps, options);
    const heldMs = async (count: number, from: number) => {
      const transactions = Array.from({ length: count }, (_, i) => make({ from: from + i }).bytes);
      const since = clock.monotonic();
      let verdict: string | undefined;
      const message = { topic: 'transactions', bytes: encodeBatch({ round: 0, transactions }) };
      const judged = Promise.resolve(hear?.({ ...message, from: 'somebody' } as GossipMessage));
      void judged.then((given) => {
        verdict = given;
      });
      assert.ok(await net.until(() => verdict === 'accept'));
      return clock.monotonic() - since;
    };
    assert.deepEqual([await heldMs(5, 1), await heldMs(100, 10)], [10, 30]);
    under.stop();
  });

  it('splits by bytes, with a large one whole', async () => {
    net = await mesh(2, { batchBytesMax: 70_000 });
    const note = 'x'.repeat(15_000);
    const large = { kind: 'evidence', notes: [note, note] } as const;
    const all = [1, 2, 3, 4, 5].map((from) => make({ from, fee: 200_000, body: large }));
    await first().submit(...all);
    assert.ok(await net.until(everyoneHas(5), 1_000));
    assert.equal(first().gossip.figures().batchesSent, 3);
  });

  it('gets everything through a network that loses a third of its messages', async () => {
    net = await mesh(4, { repeatMs: 1_000 });
    net.hub.weather({ lossRate: 0.33, duplicateRate: 0.2, delayMsMax: 50 });
    for (const [i, node] of net.nodes.entries()) {
      await node.submit(...[0, 1, 2].map((nonce) => make({ from: i + 1, nonce })));
    }
    assert.ok(await net.until(everyoneHas(12)));
    assert.ok(net.hub.counts().lost > 0);
  });

  it('tells a healed partition what it missed, within bounds', async () => {
    net = await mesh(4, { repeatMs: 1_000, repeatBytesMax: 2_000 });
    net.hub.partition(['node-0', 'node-1'], ['node-2', 'node-3']);
    net.hub.partition(['node-2', 'node-3'], ['node-0', 'node-1']);
    const made = Array.from({ length: 8 }, (_, i) => make({ from: i + 1 }));
    await first().submit(...made);
    await net.until(() => false, 500);
    assert.deepEqual(
      net.nodes.map(({ pool }) => pool.count),
      [8, 8, 0, 0],
    );
    net.hub.heal();
    assert.ok(await net.until(everyoneHas(8)));
    const before = first().gossip.figures().transactionsRepeated;
    const rounds = 5;
    await net.until(() => false, rounds * 1_000);
    const repeated = first().gossip.figures().transactionsRepeated - before;
    const each = made[0]?.bytes.length ?? 1;
    assert.ok(repeated > 0 && repeated * each <= (rounds + 1) * 2_000, `${repeated} repeated`);
  });

  it('stops telling what became final', async () => {
    net = await mesh(2, { repeatMs: 1_000 });
    const one = make();
    await first().submit(one);
    assert.ok(await net.until(everyoneHas(1)));
    for (const { pool } of net.nodes) pool.settle(1, [one.id], []);
    await net.until(() => false, 5_000);
    assert.equal(first().gossip.figures().transactionsRepeated, 0);
  });

  it('blames the neighbour for garbage and forgeries, not for what the state refuses', async () => {
    net = await mesh(2);
    const [a, b] = net.nodes;
    assert.ok(a && b);
    const publish = async (bytes: Uint8Array) => {
      await a.network.gossip.publish('transactions', bytes);
      await net.until(() => false, 50);
    };
    const batch = (...transactions: Uint8Array[]) => encodeBatch({ round: 0, transactions });
    const { bytes } = make({ from: 3, nonce: 5_000 });
    await publish(batch(bytes));
    assert.equal(b.network.gossip.faults('node-0'), 0);
    const forged = make({ badlySigned: true }).bytes;
    const bad = [
      new Uint8Array(),
      Uint8Array.of(1, 2, 3),
      batch(make({ from: 4 }).bytes, forged),
      batch(Uint8Array.of(1)),
    ];
    for (const message of bad) await publish(message);
    assert.equal(b.network.gossip.faults('node-0'), bad.length);
    assert.equal(b.gossip.figures().batchesRejected, bad.length);
    assert.equal(b.pool.count, 1, 'what was good in a bad batch is kept');
  });

  it('takes a large batch a part at a time, and stops reading at the first forgery', async () => {
    net = await mesh(2);
    const [a, b] = net.nodes;
    assert.ok(a && b);
    const many = Array.from({ length: 1_000 }, (_, i) => make({ from: i + 1 }).bytes);
    many[300] = make({ from: 301, badlySigned: true }).bytes;
    const batch = encodeBatch({ round: 0, transactions: many });
    await a.network.gossip.publish('transactions', batch);
    await net.until(() => b.network.gossip.faults('node-0') === 1, 1_000);
    assert.equal(b.pool.count, 2 * 256 - 1);
    many[300] = make({ from: 301 }).bytes;
    const good = encodeBatch({ round: 0, transactions: many });
    await a.network.gossip.publish('transactions', good);
    assert.ok(await net.until(() => b.pool.count === 1_000, 1_000));
  });

  it('passes on nothing that brings nothing new', async () => {
    net = await mesh(3);
    const one = make();
    for (const { pool } of net.nodes) await pool.add([one.bytes]);
    const again = encodeBatch({ round: 9, transactions: [one.bytes] });
    await first().network.gossip.publish('transactions', again);
    await net.until(() => false, 100);
    const sent = net.nodes.map(({ network }) => network.metrics().gossipSentBytes);
    assert.deepEqual(sent.slice(1), [0, 0]);
  });
});

describe('batches of transactions in bytes (X20)', () => {
  it('has one encoding', () => {
    const batch = { round: 3, transactions: [Uint8Array.of(1, 2), Uint8Array.of(3)] };
    const bytes = encodeBatch(batch);
    assert.equal(Buffer.from(bytes).toString('hex'), '83010382420102' + '4103');
    const decoded = decodeBatch(bytes);
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.value, batch);
    const others = [
      '8301038042',
      '830103824201024103' + '00',
      '82010382',
      '8302038141' + '01',
      '83010380',
    ];
    for (const hex of others) assert.equal(decodeBatch(Buffer.from(hex, 'hex')).ok, false, hex);
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(decodeBatch(bytes.subarray(0, end)).ok, false);
    }
  });
});
