import { strict as assert } from 'node:assert';
import type { Gossip, PeerId } from '../../net/index.ts';
import { turns, until } from '../support/until.ts';

/** Gossip of the named peers, linked in a line: the first to the second, the second to the third. */
export type MakeLine = (peers: readonly PeerId[]) => Promise<Gossip[]>;

/** What every {@link Gossip} keeps. */
export function describeGossip(name: string, make: MakeLine): void {
  describe(`Gossip: ${name}`, () => {
    let line: Gossip[] = [];
    afterEach(async () => {
      for (const gossip of line) await gossip.close();
    });

    async function three(): Promise<[Gossip, Gossip, Gossip]> {
      line = await make(['a', 'b', 'c']);
      const [a, b, c] = line;
      assert.ok(a && b && c);
      return [a, b, c];
    }

    it('brings a message to everyone on the topic, once, and not back to its publisher', async () => {
      const [a, b, c] = await three();
      const got: string[] = [];
      for (const gossip of [a, b, c]) {
        gossip.onMessage('t', (m) => {
          got.push(`${gossip.self}<${m.from}:${m.bytes}`);
          return 'accept';
        });
      }
      await b.publish('t', new Uint8Array([1]));
      await a.publish('t', new Uint8Array([2]));
      await a.publish('t', new Uint8Array([2]));
      await until(() => got.length >= 4);
      await turns(50);
      assert.deepEqual(got.sort(), ['a<b:1', 'b<a:2', 'c<b:1', 'c<b:2']);
    });

    it('keeps topics apart', async () => {
      const [a, b] = await three();
      const got: string[] = [];
      b.onMessage('t', (m) => {
        got.push(m.topic);
        return 'accept';
      });
      await a.publish('other', new Uint8Array([1]));
      await a.publish('t', new Uint8Array([1]));
      await until(() => got.length > 0);
      await turns(50);
      assert.deepEqual(got, ['t']);
    });

    for (const verdict of ['ignore', 'reject'] as const) {
      it(`does not pass on what was judged "${verdict}"`, async () => {
        const [a, b, c] = await three();
        const seen: string[] = [];
        b.onMessage('t', (m) => {
          seen.push(`b${m.bytes}`);
          return m.bytes[0] === 1 ? verdict : 'accept';
        });
        c.onMessage('t', (m) => {
          seen.push(`c${m.bytes}`);
          return 'accept';
        });
        await a.publish('t', new Uint8Array([1]));
        await until(() => seen.length === 1);
        await a.publish('t', new Uint8Array([2]));
        await until(() => seen.includes('c2'));
        await turns(50);
        assert.deepEqual(seen, ['b1', 'b2', 'c2']);
        assert.deepEqual([b.faults('a'), c.faults('b')], [verdict === 'reject' ? 1 : 0, 0]);
      });
    }

    it('waits for a slow judgement before it passes a message on', async () => {
      const [a, b, c] = await three();
      let decide: (verdict: 'accept') => void = () => {};
      let asked = false;
      let arrived = false;
      b.onMessage('t', () => {
        asked = true;
        return new Promise((resolve) => {
          decide = resolve;
        });
      });
      c.onMessage('t', () => {
        arrived = true;
        return 'accept';
      });
      await a.publish('t', new Uint8Array([1]));
      await until(() => asked);
      await turns(50);
      assert.equal(arrived, false);
      decide('accept');
      await until(() => arrived);
    });

    it('stops when told to', async () => {
      const [a, b] = await three();
      const got: number[] = [];
      const stop = b.onMessage('t', (m) => {
        got.push(m.bytes[0] ?? -1);
        return 'accept';
      });
      await a.publish('t', new Uint8Array([1]));
      await until(() => got.length === 1);
      stop();
      await a.publish('t', new Uint8Array([2]));
      await turns(50);
      assert.deepEqual(got, [1]);
    });

    it('refuses to publish without end, and after it was closed', async () => {
      const [a, b] = await three();
      b.onMessage('t', () => 'accept');
      const flood = await Promise.allSettled(
        Array.from({ length: 100_000 }, (_, i) =>
          a.publish('t', new Uint8Array(new Uint32Array([i]).buffer)),
        ),
      );
      const refused = flood.filter((r) => r.status === 'rejected');
      assert.ok(refused.length > 0, 'a hundred thousand messages at once were all taken');
      for (const r of refused) assert.equal(r.reason.code, 'net/overloaded');
      await a.close();
      await assert.rejects(a.publish('t', new Uint8Array([1])), { code: 'net/closed' });
    });
  });
}
