import { strict as assert } from 'node:assert';
import { type Gossip, type Network, type PeerId, TOPICS } from '../../net/index.ts';
import { turns, until } from '../support/until.ts';
import { dial, type MakeNetworks } from './networks.ts';

/** What the gossip of every {@link Network} keeps, in a line of three: the first to the second, the second to the third. */
export function describeGossip(name: string, make: MakeNetworks): void {
  describe(`Gossip: ${name}`, () => {
    let line: readonly Network[] = [];
    afterEach(async () => {
      for (const network of line) await network.close();
    });

    async function three(): Promise<[Gossip, Gossip, Gossip]> {
      line = (await make([{}, {}, {}])).networks;
      const [a, b, c] = line;
      assert.ok(a && b && c);
      await dial(a, b);
      await dial(b, c);
      await meshed(a, b, c);
      return [a.gossip, b.gossip, c.gossip];
    }

    const named = (id: PeerId) => 'abc'[line.findIndex((network) => network.self === id)];

    it('brings a message to everyone on the topic, once, and not back to its publisher', async () => {
      const [a, b, c] = await three();
      const got: string[] = [];
      for (const gossip of [a, b, c]) {
        gossip.onMessage('anchors', (m) => {
          got.push(`${named(gossip.self)}<${named(m.from)}:${m.bytes}`);
          return 'accept';
        });
      }
      await b.publish('anchors', new Uint8Array([1]));
      await a.publish('anchors', new Uint8Array([2]));
      await a.publish('anchors', new Uint8Array([2]));
      await until(() => got.length >= 4);
      await turns(100);
      assert.deepEqual(got.sort(), ['a<b:1', 'b<a:2', 'c<b:1', 'c<b:2']);
    });

    it('keeps topics apart', async () => {
      const [a, b] = await three();
      const got: string[] = [];
      b.onMessage('anchors', (m) => {
        got.push(m.topic);
        return 'accept';
      });
      await a.publish('blocks', new Uint8Array([1]));
      await a.publish('anchors', new Uint8Array([1]));
      await until(() => got.length > 0);
      await turns(100);
      assert.deepEqual(got, ['anchors']);
    });

    for (const verdict of ['ignore', 'reject'] as const) {
      it(`does not pass on what was judged "${verdict}"`, async () => {
        const [a, b, c] = await three();
        const seen: string[] = [];
        b.onMessage('anchors', (m) => {
          seen.push(`b${m.bytes}`);
          return m.bytes[0] === 1 ? verdict : 'accept';
        });
        c.onMessage('anchors', (m) => {
          seen.push(`c${m.bytes}`);
          return 'accept';
        });
        await a.publish('anchors', new Uint8Array([1]));
        await until(() => seen.length === 1);
        await a.publish('anchors', new Uint8Array([2]));
        await until(() => seen.includes('c2'));
        await turns(100);
        assert.deepEqual(seen, ['b1', 'b2', 'c2']);
        assert.deepEqual([b.faults(a.self), c.faults(b.self)], [verdict === 'reject' ? 1 : 0, 0]);
      });
    }

    it('waits for a slow judgement before it passes a message on', async () => {
      const [a, b, c] = await three();
      let decide: (verdict: 'accept') => void = () => {};
      let asked = false;
      let arrived = false;
      b.onMessage('anchors', () => {
        asked = true;
        return new Promise((resolve) => {
          decide = resolve;
        });
      });
      c.onMessage('anchors', () => {
        arrived = true;
        return 'accept';
      });
      await a.publish('anchors', new Uint8Array([1]));
      await until(() => asked);
      await turns(100);
      assert.equal(arrived, false);
      decide('accept');
      await until(() => arrived);
    });

    it('stops when told to', async () => {
      const [a, b] = await three();
      const got: number[] = [];
      const stop = b.onMessage('anchors', (m) => {
        got.push(m.bytes[0] ?? -1);
        return 'accept';
      });
      await a.publish('anchors', new Uint8Array([1]));
      await until(() => got.length === 1);
      stop();
      await a.publish('anchors', new Uint8Array([2]));
      await turns(100);
      assert.deepEqual(got, [1]);
    });

    it('refuses to publish without end, and after it was closed', async () => {
      const [a, b] = await three();
      b.onMessage('anchors', () => 'accept');
      const flood = await Promise.allSettled(
        Array.from({ length: 100_000 }, (_, i) =>
          a.publish('anchors', new Uint8Array(new Uint32Array([i]).buffer)),
        ),
      );
      const refused = flood.filter((r) => r.status === 'rejected');
      assert.ok(refused.length > 0, 'a hundred thousand messages at once were all taken');
      for (const r of refused) assert.equal(r.reason.code, 'net/overloaded');
      await line[0]?.close();
      await assert.rejects(a.publish('anchors', new Uint8Array([1])), { code: 'net/closed' });
    });

    it('refuses what is above the limit of its topic', async () => {
      const [a, b] = await three();
      let got = 0;
      b.onMessage('anchors', (m) => {
        got = m.bytes.length;
        return 'accept';
      });
      const limit = TOPICS.anchors;
      await assert.rejects(a.publish('anchors', new Uint8Array(limit + 1)), {
        code: 'net/too-big',
      });
      await a.publish('anchors', new Uint8Array(limit));
      await until(() => got === limit);
    });

    it('counts a validation that throws as "ignore"', async () => {
      const [a, b] = await three();
      const got: number[] = [];
      b.onMessage('anchors', (m) => {
        got.push(m.bytes[0] ?? -1);
        if (m.bytes[0] === 1) throw new Error('expected by this test');
        return 'accept';
      });
      await a.publish('anchors', new Uint8Array([1]));
      await a.publish('anchors', new Uint8Array([2]));
      await until(() => got.length === 2);
      assert.equal(b.faults(a.self), 0);
    });
  });
}

/** Waits until a message of the first reaches the last: subscriptions are on their way when links open. */
async function meshed(a: Network, b: Network, c: Network): Promise<void> {
  let reached = false;
  const stops = [
    b.gossip.onMessage('transactions', () => 'accept'),
    c.gossip.onMessage('transactions', () => {
      reached = true;
      return 'accept';
    }),
    a.gossip.onMessage('transactions', () => 'accept'),
  ];
  for (let i = 0; !reached; i++) {
    await a.gossip.publish('transactions', new Uint8Array([i, i >> 8, i >> 16]));
    await turns(20);
  }
  for (const stop of stops) stop();
}
