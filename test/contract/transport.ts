import { strict as assert } from 'node:assert';
import { FRAME_BYTES_MAX, type Link, type Transport } from '../../net/index.ts';
import { turns, until } from '../support/until.ts';

/** Two transports that reach each other by {@link Transport.self}. */
export interface TransportPair {
  readonly a: Transport;
  readonly b: Transport;
}

const never = new AbortController().signal;

/** What every {@link Transport} keeps. `make` gives a fresh pair; the suite closes it. */
export function describeTransport(name: string, make: () => Promise<TransportPair>): void {
  describe(`Transport: ${name}`, () => {
    let pair: TransportPair;
    beforeEach(async () => {
      pair = await make();
    });
    afterEach(async () => {
      await pair.a.close();
      await pair.b.close();
    });

    async function linked(): Promise<[Link, Link]> {
      const arrived = new Promise<Link>((resolve) => pair.b.onLink(resolve));
      const here = await pair.a.connect(pair.b.self, never);
      return [here, await arrived];
    }

    it('names both ends of a link', async () => {
      const [here, there] = await linked();
      assert.deepEqual([here.peer, there.peer], [pair.b.self, pair.a.self]);
    });

    it('carries frames both ways, in order, channel and bytes intact', async () => {
      const [here, there] = await linked();
      const sent = Array.from({ length: 50 }, (_, i) => new Uint8Array(i).fill(i));
      const sending = (async () => {
        for (const bytes of sent) await here.send('sync', bytes, 'normal');
        await there.send('answer', new Uint8Array([7]), 'normal');
      })();
      const got = await take(there, sent.length);
      await sending;
      assert.deepEqual(
        got.map((f) => [f.channel, [...f.bytes]]),
        sent.map((bytes) => ['sync', [...bytes]]),
      );
      assert.deepEqual([...((await take(here, 1))[0]?.bytes ?? [])], [7]);
    });

    it('does not send what the caller writes into its buffer afterwards', async () => {
      const [here, there] = await linked();
      const bytes = Buffer.from([1, 2, 3]);
      await here.send('x', bytes, 'normal');
      bytes.fill(9);
      assert.deepEqual([...((await take(there, 1))[0]?.bytes ?? [])], [1, 2, 3]);
    });

    it('makes the sender wait while nobody reads, and goes on when someone does', async () => {
      const [here, there] = await linked();
      const frame = new Uint8Array(64 * 1024);
      let placed = 0;
      const total = 400;
      const sending = (async () => {
        for (let i = 0; i < total; i++) {
          await here.send('bulk', frame, 'bulk');
          placed++;
        }
      })();
      let before = -1;
      while (before !== placed) {
        before = placed;
        await turns(200);
      }
      assert.ok(placed < total, `all ${total} frames (25 MiB) were taken though nobody reads`);
      assert.equal((await take(there, total)).length, total);
      await sending;
    });

    it('lets an urgent frame overtake bulk ones that wait', async () => {
      const [here, there] = await linked();
      const sending = Promise.all([
        ...Array.from({ length: 400 }, () => here.send('bulk', new Uint8Array(65_536), 'bulk')),
        turns(50).then(() => here.send('vote', new Uint8Array(1), 'urgent')),
      ]);
      await turns(100);
      const got = await take(there, 401);
      await sending;
      const at = got.findIndex((f) => f.channel === 'vote');
      assert.ok(at >= 0 && at < 400, `the vote came as frame ${at} of 401`);
    });

    it('refuses an oversized frame and a closed link, each by its code', async () => {
      const [here] = await linked();
      await assert.rejects(here.send('x', new Uint8Array(FRAME_BYTES_MAX + 1), 'bulk'), {
        code: 'net/frame-too-big',
      });
      await here.close();
      await assert.rejects(here.send('x', new Uint8Array(1), 'normal'), { code: 'net/closed' });
    });

    it('ends the reader at the other side when a link closes', async () => {
      const [here, there] = await linked();
      const reading = take(there, 1);
      await here.close();
      assert.deepEqual(await reading, []);
    });

    it('refuses senders that wait when the link closes', async () => {
      const [here, there] = await linked();
      const sends = Array.from({ length: 400 }, () =>
        here.send('bulk', new Uint8Array(65_536), 'bulk'),
      );
      const settled = Promise.allSettled(sends);
      await there.close();
      const refused = (await settled).filter((s) => s.status === 'rejected');
      assert.ok(refused.length > 0);
      for (const s of refused) assert.equal(s.reason.code, 'net/closed');
    });

    it('stops a reader on its signal and loses nothing to the next one', async () => {
      const [here, there] = await linked();
      const controller = new AbortController();
      const first = collect(there.receive(controller.signal));
      await here.send('x', new Uint8Array([1]), 'normal');
      await until(() => first.frames.length === 1);
      controller.abort();
      await first.done;
      await here.send('x', new Uint8Array([2]), 'normal');
      assert.deepEqual([...((await take(there, 1))[0]?.bytes ?? [])], [2]);
    });

    it('says unreachable for a peer that is not there, and heeds an aborted signal', async () => {
      await assert.rejects(pair.a.connect('nobody', never), { code: 'net/unreachable' });
      await assert.rejects(pair.a.connect(pair.b.self, AbortSignal.abort(new Error('enough'))), {
        message: 'enough',
      });
    });

    it('closes its links with the transport', async () => {
      const [here, there] = await linked();
      await pair.b.close();
      assert.deepEqual(await take(here, 1), []);
      await assert.rejects(there.send('x', new Uint8Array(1), 'normal'), { code: 'net/closed' });
      await assert.rejects(pair.a.connect(pair.b.self, never), { code: 'net/unreachable' });
    });
  });
}

/** Up to `count` frames; fewer when the link ends first. */
async function take(link: Link, count: number): Promise<{ channel: string; bytes: Uint8Array }[]> {
  const frames = [];
  const controller = new AbortController();
  for await (const frame of link.receive(controller.signal)) {
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
