import { strict as assert } from 'node:assert';
import { DEFAULT_LIMITS, type Hello, type Link, type Network } from '../../net/index.ts';
import { turns, until } from '../support/until.ts';
import { dial, type Fixture, type MakeNetworks, type NodeSpec, never } from './networks.ts';

/** What every {@link Network} keeps. */
export function describeNetwork(name: string, make: MakeNetworks): void {
  describe(`Network: ${name}`, () => {
    let opened: Network[] = [];
    afterEach(async () => {
      for (const network of opened.splice(0)) await network.close();
    });

    async function two(first: NodeSpec = {}, second: NodeSpec = {}) {
      const fixture = await make([first, second]);
      const [a, b] = fixture.networks;
      assert.ok(a && b);
      opened = [a, b];
      return { a, b, fixture };
    }

    const connected = (a: Network, b: Network) => a.peers().some((peer) => peer.id === b.self);

    it('tells both sides who the other is, with its hello', async () => {
      const voteKey = new Uint8Array(32).fill(5);
      const { a, b } = await two(
        { hello: { headHeight: 12 } },
        { hello: { role: 'validator', voteKey, agent: 'pyralog/9' } },
      );
      const told: [string, Hello][] = [];
      for (const network of [a, b]) {
        network.onPeer({
          connected: (link, hello) => told.push([link.peer, hello]),
          disconnected: () => {},
        });
      }
      await dial(a, b);
      await until(() => told.length === 2);
      const ofB = told.find(([peer]) => peer === b.self)?.[1];
      const ofA = told.find(([peer]) => peer === a.self)?.[1];
      assert.deepEqual(
        [ofB?.role, ofB?.agent, [...(ofB?.voteKey ?? [])], ofA?.headHeight, ofA?.voteKey],
        ['validator', 'pyralog/9', [...voteKey], 12, undefined],
      );
      const [state] = a.peers();
      assert.deepEqual(
        [state?.id, state?.inbound, state?.score, b.peers()[0]?.inbound],
        [b.self, false, 0, true],
      );
    });

    it('tells a late listener of those connected already, and of those that leave', async () => {
      const { a, b } = await two();
      await dial(a, b);
      const events: string[] = [];
      const stop = a.onPeer({
        connected: (link) => events.push(`+${link.peer}`),
        disconnected: (peer) => events.push(`-${peer}`),
      });
      await b.close();
      await until(() => events.length === 2);
      assert.deepEqual(events, [`+${b.self}`, `-${b.self}`]);
      assert.deepEqual(a.peers(), []);
      stop();
    });

    it('has one link to a peer, however often and from whichever side it is dialled', async () => {
      const { a, b } = await two();
      const links: Link[] = [];
      a.onPeer({ connected: (link) => links.push(link), disconnected: () => {} });
      await Promise.all([dial(a, b), dial(b, a), dial(a, b)]);
      await dial(b, a);
      await turns(100);
      assert.deepEqual([a.peers().length, b.peers().length, links.length], [1, 1, 1]);
    });

    for (const [reason, hello] of [
      ['wrong-network', { networkId: 'othernet-0011223344556677' }],
      ['wrong-genesis', { genesisHash: new Uint8Array(32).fill(8) }],
      ['old-version', { version: 0 }],
    ] as const) {
      for (const odd of ['dialled', 'dialler'] as const) {
        it(`refuses a ${odd} peer: ${reason}`, async () => {
          const { a, b } = odd === 'dialled' ? await two({}, { hello }) : await two({ hello }, {});
          await assert.rejects(a.dial(b.addresses()[0] ?? '', never), {
            code: 'net/refused',
          });
          // Whoever notices first says so and closes.
          await until(() => a.metrics().faults[reason] + b.metrics().faults[reason] > 0);
          await until(() => a.peers().length + b.peers().length === 0);
        });
      }
    }

    it('bans a peer whose faults add up, and forgets it when the ban is over', async () => {
      const { a, b, fixture } = await two();
      await dial(a, b);
      a.report(b.self, 'invalid');
      assert.ok((a.peers()[0]?.score ?? 0) < 0);
      for (let i = 0; i < 3; i++) a.report(b.self, 'invalid');
      await until(() => !connected(a, b) && !connected(b, a));
      assert.deepEqual([a.metrics().bannedPeers, a.metrics().faults.invalid], [1, 4]);
      await assert.rejects(a.dial(b.addresses()[0] ?? '', never), { code: 'net/refused' });
      await assert.rejects(b.dial(a.addresses()[0] ?? '', never), (error: { code: string }) =>
        /^net\/(refused|unreachable)$/.test(error.code),
      );
      fixture.passWall(DEFAULT_LIMITS.banMs + 1);
      assert.equal(a.metrics().bannedPeers, 0);
      await dial(b, a);
    });

    it('bans and unbans whom the operator names', async () => {
      const { a, b } = await two();
      await dial(a, b);
      a.ban(b.self, 60_000);
      await until(() => !connected(a, b) && !connected(b, a));
      await assert.rejects(a.dial(b.addresses()[0] ?? '', never), { code: 'net/refused' });
      assert.deepEqual([a.unban(b.self), a.unban(b.self)], [true, false]);
      await dial(a, b);
    });

    it('comes back to a peer that was away and has the same key', async () => {
      const { a, b, fixture } = await two({ limits: fast }, { limits: fast });
      await dial(a, b);
      await b.close();
      await until(() => !connected(a, b));
      const again = await fixture.again(1);
      opened.push(again);
      assert.equal(again.self, b.self);
      await until(() => connected(a, again));
    });

    it('cuts off and heals, both ways', async () => {
      const { a, b } = await two({ limits: fast }, { limits: fast });
      await dial(a, b);
      a.faults.partition([b.self]);
      await until(() => !connected(a, b) && !connected(b, a));
      await assert.rejects(a.dial(b.addresses()[0] ?? '', never), { code: 'net/unreachable' });
      a.faults.heal();
      await until(() => connected(a, b));
    });

    it('finds out that a peer cannot be heard', async () => {
      const { a, b } = await two({ limits: fast }, { limits: fast });
      await dial(a, b);
      a.faults.partition([b.self], ['in']);
      await until(() => !connected(a, b));
      assert.ok(a.metrics().faults.unresponsive > 0);
      a.faults.clear();
      await until(() => connected(a, b));
    });

    it('loses every frame and message, or delays them, when told to', async () => {
      const { a, b } = await two();
      const got: number[] = [];
      b.onPeer({
        connected: async (link) => {
          for await (const frame of link.receive(never)) got.push(frame.bytes[0] ?? -1);
        },
        disconnected: () => {},
      });
      const links: Link[] = [];
      a.onPeer({ connected: (link) => links.push(link), disconnected: () => {} });
      await dial(a, b);
      const [link] = links;
      assert.ok(link);
      a.faults.drop(1);
      await link.send('sync', new Uint8Array([1]), 'normal');
      a.faults.drop(0);
      a.faults.delay(5, 20);
      for (let i = 2; i < 10; i++) await link.send('sync', new Uint8Array([i]), 'normal');
      a.faults.clear();
      b.faults.drop(1);
      await turns(5);
      await until(() => b.metrics().framesReceived >= 8);
      b.faults.clear();
      await link.send('sync', new Uint8Array([10]), 'normal');
      await until(() => got.includes(10));
      assert.ok(!got.includes(1));
      assert.deepEqual(
        got,
        [...got].sort((x, y) => x - y),
      );
    });

    it('loses gossip when told to, and what comes later arrives', async () => {
      const { a, b } = await two();
      await dial(a, b);
      const got = new Set<number>();
      b.gossip.onMessage('blocks', (m) => {
        got.add(m.bytes[0] ?? -1);
        return 'accept';
      });
      const reach = async (first: number) => {
        for (let i = first; ; i++) {
          await a.gossip.publish('blocks', new Uint8Array([first, i, i >> 8]));
          await turns(20);
          if (got.has(first)) return;
        }
      };
      await reach(1);
      for (const faults of [a.faults, b.faults]) {
        got.clear();
        faults.drop(1);
        for (let i = 0; i < 20; i++) await a.gossip.publish('blocks', new Uint8Array([2, i]));
        await turns(100);
        faults.clear();
        await reach(3);
        assert.ok(!got.has(2));
      }
    });

    it('says unreachable, bad address, or why the signal stopped it', async () => {
      const { a, b } = await two();
      const address = b.addresses()[0] ?? '';
      await b.close();
      await assert.rejects(a.dial(address, never), { code: 'net/unreachable' });
      await assert.rejects(a.dial('nonsense', never), { code: 'net/bad-option' });
      await assert.rejects(a.dial(address, AbortSignal.abort(new Error('enough'))), {
        message: 'enough',
      });
      assert.ok(a.metrics().dialsFailed > 0);
      await a.close();
      await a.close();
      await assert.rejects(a.dial(address, never), { code: 'net/closed' });
      await assert.rejects(a.gossip.publish('blocks', new Uint8Array(1)), { code: 'net/closed' });
    });

    it('counts links, frames and bytes', async () => {
      const { a, b }: { a: Network; b: Network; fixture: Fixture } = await two();
      const links: Link[] = [];
      a.onPeer({ connected: (link) => links.push(link), disconnected: () => {} });
      await dial(a, b);
      await links[0]?.send('sync', new Uint8Array(1_000), 'normal');
      await until(() => b.metrics().framesReceived === 1);
      assert.deepEqual([a.metrics().peers, a.metrics().framesSent], [1, 1]);
      assert.ok(a.metrics().sentBytes >= 1_000 && b.metrics().receivedBytes >= 1_000);
      await a.close();
      assert.deepEqual([a.metrics().linksOpened, a.metrics().linksClosed], [1, 1]);
    });
  });
}

/** Pings and redials at the pace of a test. */
const fast = { pingIdleMs: 40, answerMsMax: 400, redialMsMin: 10, redialMsMax: 50 };
