import { strict as assert } from 'node:assert';
import { FRAME_BYTES_MAX, type Frame, type Link, type Network } from '../../net/index.ts';
import { turns, until } from '../support/until.ts';
import { dial, type MakeNetworks, never } from './networks.ts';

/** What the links of every {@link Network} keep. */
export function describeLinks(name: string, make: MakeNetworks): void {
  describe(`Link: ${name}`, () => {
    let a: Network;
    let b: Network;
    let here: Link;
    let there: Link;
    beforeEach(async () => {
      const { networks } = await make([{}, {}]);
      const [first, second] = networks;
      assert.ok(first && second);
      [a, b] = [first, second];
      const links: Link[] = [];
      const listener = (at: number) => ({
        connected: (link: Link) => {
          links[at] = link;
        },
        disconnected: () => {},
      });
      a.onPeer(listener(0));
      b.onPeer(listener(1));
      await dial(a, b);
      await until(() => links[0] !== undefined && links[1] !== undefined);
      assert.ok(links[0] && links[1]);
      [here, there] = [links[0], links[1]];
    });
    afterEach(async () => {
      await a.close();
      await b.close();
    });

    it('names both ends of a link', () => {
      assert.deepEqual([here.peer, there.peer], [b.self, a.self]);
    });

    it('carries frames both ways, in order, channel and bytes intact', async () => {
      const sent = Array.from({ length: 50 }, (_, i) => new Uint8Array(i).fill(i));
      const sending = (async () => {
        for (const bytes of sent) await here.send('sync', bytes, 'normal');
        await there.send('answers', new Uint8Array([7]), 'normal');
      })();
      const got = await take(there, sent.length);
      await sending;
      assert.deepEqual(
        got.map((f) => [f.channel, [...f.bytes]]),
        sent.map((bytes) => ['sync', [...bytes]]),
      );
      assert.deepEqual([...((await take(here, 1))[0]?.bytes ?? [])], [7]);
    });

    it('carries the largest frame whole', async () => {
      const bytes = new Uint8Array(FRAME_BYTES_MAX).map((_, i) => i * 7);
      const sending = here.send('blocks', bytes, 'bulk');
      const [frame] = await take(there, 1);
      await sending;
      assert.ok(frame && Buffer.compare(frame.bytes, bytes) === 0);
    });

    it('does not send what the caller writes into its buffer afterwards', async () => {
      const bytes = Buffer.from([1, 2, 3]);
      await here.send('sync', bytes, 'normal');
      bytes.fill(9);
      assert.deepEqual([...((await take(there, 1))[0]?.bytes ?? [])], [1, 2, 3]);
    });

    it('makes the sender wait while nobody reads, and goes on when someone does', async () => {
      const frame = new Uint8Array(64 * 1024);
      let placed = 0;
      const total = 400;
      const sending = (async () => {
        for (let i = 0; i < total; i++) {
          await here.send('sync', frame, 'bulk');
          placed++;
        }
      })();
      let before = -1;
      while (before !== placed) {
        before = placed;
        await turns(500);
      }
      assert.ok(placed < total, `all ${total} frames (25 MiB) were taken though nobody reads`);
      assert.equal((await take(there, total)).length, total);
      await sending;
    });

    it('lets an urgent frame overtake bulk ones that wait', async () => {
      const sending = Promise.all([
        ...Array.from({ length: 200 }, () => here.send('sync', new Uint8Array(131_072), 'bulk')),
        turns(50).then(() => here.send('consensus', new Uint8Array(1), 'urgent')),
      ]);
      await turns(100);
      const got = await take(there, 201);
      await sending;
      const at = got.findIndex((f) => f.channel === 'consensus');
      assert.ok(at >= 0 && at < 100, `the vote came as frame ${at} of 201`);
    });

    it('refuses an oversized frame and a closed link, each by its code', async () => {
      await assert.rejects(here.send('sync', new Uint8Array(FRAME_BYTES_MAX + 1), 'bulk'), {
        code: 'net/too-big',
      });
      await here.close();
      await assert.rejects(here.send('sync', new Uint8Array(1), 'normal'), { code: 'net/closed' });
    });

    it('ends the reader at the other side when a link closes', async () => {
      const reading = take(there, 1);
      await here.close();
      assert.deepEqual(await reading, []);
    });

    it('refuses senders that wait when the link closes', async () => {
      const sends = Array.from({ length: 400 }, () =>
        here.send('sync', new Uint8Array(65_536), 'bulk'),
      );
      const settled = Promise.allSettled(sends);
      await there.close();
      const refused = (await settled).filter((s) => s.status === 'rejected');
      assert.ok(refused.length > 0);
      for (const s of refused) assert.equal(s.reason.code, 'net/closed');
    });

    it('stops a reader on its signal and loses nothing to the next one', async () => {
      const controller = new AbortController();
      const first = collect(there.receive(controller.signal));
      await here.send('sync', new Uint8Array([1]), 'normal');
      await until(() => first.frames.length === 1);
      controller.abort();
      await first.done;
      await here.send('sync', new Uint8Array([2]), 'normal');
      assert.deepEqual([...((await take(there, 1))[0]?.bytes ?? [])], [2]);
    });

    it('closes with the network', async () => {
      await b.close();
      assert.deepEqual(await take(here, 1), []);
      await assert.rejects(there.send('sync', new Uint8Array(1), 'normal'), { code: 'net/closed' });
    });
  });
}

/** Up to `count` frames; fewer when the link ends first. */
export async function take(link: Link, count: number): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of link.receive(never)) {
    frames.push(frame);
    if (frames.length === count) break;
  }
  return frames;
}

function collect<T>(source: AsyncIterable<T>): { frames: T[]; done: Promise<void> } {
  const frames: T[] = [];
  const done = (async () => {
    for await (const frame of source) frames.push(frame);
  })();
  return { frames, done };
}
