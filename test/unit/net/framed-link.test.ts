import { strict as assert } from 'node:assert';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';
import { encodeControl } from '../../../net/control.ts';
import { newCounters } from '../../../net/counters.ts';
import { FaultSwitch } from '../../../net/faults.ts';
import { CONTROL, encodeParts } from '../../../net/frame-codec.ts';
import { FramedLink, type Wire } from '../../../net/framed-link.ts';
import type { Hello } from '../../../net/hello.ts';
import { DEFAULT_LIMITS } from '../../../net/options.ts';
import type { Fault } from '../../../net/types.ts';
import { helloOf, never } from '../../contract/networks.ts';
import { take } from '../../contract/transport.ts';
import { turns } from '../../support/until.ts';
import { drive, pass } from './support.ts';

const limits = { ...DEFAULT_LIMITS, inboxBytesMax: 256 * 1024, laneBytesMax: 256 * 1024 };

/** A link whose wire is in the hands of the test. */
function makeLink(clock: SimClock, hello: Partial<Hello> = {}) {
  const end = {
    clock,
    faults: new FaultSwitch(seededRandom(1)),
    counters: newCounters(),
    written: [] as Uint8Array[],
    found: [] as Fault[],
    opened: 0,
    closed: [] as (string | undefined)[],
    paused: false,
    wireClosed: false,
    /** How much the wire takes before it asks to wait. */
    room: Number.POSITIVE_INFINITY,
    deliver: undefined as ((bytes: Uint8Array) => void) | undefined,
  };
  const wire: Wire = {
    send(bytes) {
      end.room -= bytes.length;
      if (end.deliver === undefined) end.written.push(bytes);
      else end.deliver(bytes);
      return end.room > 0;
    },
    pause: () => {
      end.paused = true;
    },
    resume: () => {
      end.paused = false;
    },
    close: () => {
      end.wireClosed = true;
    },
  };
  const link = new FramedLink(
    {
      clock,
      wire,
      faults: end.faults,
      counters: end.counters,
      onOpen: () => {
        end.opened++;
      },
      onFault: (fault) => end.found.push(fault),
      onClosed: (_, reason) => end.closed.push(reason),
    },
    { peer: 'peer', hello: helloOf({ hello }), limits },
  );
  return { ...end, end, link };
}

async function pair(hello: Partial<Hello> = {}) {
  const clock = new SimClock();
  const a = makeLink(clock);
  const b = makeLink(clock, hello);
  a.end.deliver = (bytes) => queueMicrotask(() => b.link.take(bytes));
  b.end.deliver = (bytes) => queueMicrotask(() => a.link.take(bytes));
  // Hello, welcome and the first ping are out, and answered.
  await turns(10);
  return { clock, a, b };
}

const control = (bytes: Uint8Array) =>
  encodeParts([{ channel: CONTROL, priority: 'urgent', bytes, more: false }]);
const helloBytes = control(encodeControl({ kind: 'hello', hello: helloOf({}) }));
const welcomeBytes = control(encodeControl({ kind: 'welcome' }));

describe('framed link', () => {
  it('opens once both sides welcomed each other (G5)', async () => {
    const { a, b } = await pair();
    assert.deepEqual([a.end.opened, b.end.opened], [1, 1]);
    for (const odd of [{ networkId: 'othernet-00' }, { version: 0 }]) {
      const { a: c, b: d } = await pair(odd);
      assert.deepEqual([c.end.opened, d.end.opened], [0, 0]);
      const [fault] = [...c.end.found, ...d.end.found];
      assert.ok(fault, 'whoever noticed first says so');
      assert.deepEqual([c.end.closed, d.end.closed], [[fault], [fault]]);
    }
  });

  it('writes what is sent in one turn at once', async () => {
    const { a } = await pair();
    a.end.deliver = undefined;
    a.end.written.length = 0;
    const sends = Array.from({ length: 100 }, () =>
      a.link.send('consensus', new Uint8Array(10), 'urgent'),
    );
    await Promise.all(sends);
    await turns(1);
    assert.deepEqual(
      a.end.written.map((bytes) => bytes.length),
      [1_500],
    );
  });

  it('lets a status leave with the next other frame, or by itself 20 ms later (G3)', async () => {
    const { clock, a } = await pair();
    a.end.deliver = undefined;
    a.end.written.length = 0;
    const lengths = () => a.end.written.splice(0).map((bytes) => bytes.length);
    await a.link.send('status', new Uint8Array(10), 'normal');
    await pass(clock, 19);
    assert.deepEqual(lengths(), []);
    await a.link.send('consensus', new Uint8Array(20), 'urgent');
    await turns(1);
    assert.deepEqual(lengths(), [40]);
    await pass(clock, 40);
    assert.deepEqual(lengths(), [], 'nothing is left to be sent');
    await a.link.send('status', new Uint8Array(10), 'normal');
    await pass(clock, 21);
    assert.deepEqual(lengths(), [15]);
  });

  it('lets an urgent frame wait for a part of a bulk one only (G3)', async () => {
    const { a, b } = await pair();
    a.end.room = 1;
    const bulk = a.link.send('sync', new Uint8Array(1_000_000), 'bulk');
    await turns(1);
    await a.link.send('consensus', new Uint8Array(1), 'urgent');
    a.end.room = Number.POSITIVE_INFINITY;
    a.link.drained();
    await bulk;
    const frames = await take(b.link, 2);
    assert.deepEqual(
      frames.map((f) => [f.channel, f.bytes.length]),
      [
        ['consensus', 1],
        ['sync', 1_000_000],
      ],
    );
  });

  it('pauses the wire while its reader is slow, and resumes (G10)', async () => {
    const { a, b } = await pair();
    for (let i = 0; i < 8; i++) await a.link.send('sync', new Uint8Array(60_000), 'bulk');
    await turns(3);
    assert.equal(b.end.paused, true);
    await take(b.link, 8);
    assert.equal(b.end.paused, false);
  });

  it('measures the round trip, and stays open while pings are answered (G7)', async () => {
    const { clock, a, b } = await pair();
    a.end.deliver = (bytes) => clock.schedule(clock.monotonic() + 20, () => b.link.take(bytes));
    await pass(clock, 60_000);
    assert.equal(a.link.rttMs, 20);
    assert.deepEqual([a.end.closed, b.end.closed], [[], []]);
    await a.link.close();
    await b.link.close();
  });

  it('closes on silence, whether before or after hello (G7)', async () => {
    const clock = new SimClock();
    const mute = makeLink(clock);
    await drive(clock, () => mute.end.closed.length > 0);
    assert.deepEqual([mute.end.found, mute.end.closed], [['unresponsive'], ['unresponsive']]);
    assert.ok(clock.monotonic() <= limits.answerMsMax);

    const { clock: later, a } = await pair();
    a.end.deliver = () => {};
    await drive(later, () => a.end.closed.length > 0);
    assert.ok(later.monotonic() <= 2 * limits.pingIdleMs + limits.answerMsMax);
  });

  it('does not hold its own standstill against the peer (G7)', async () => {
    let now = 0;
    const tasks: { at: number; task: () => void }[] = [];
    const clock = {
      monotonic: () => now,
      wall: () => now,
      schedule: (at: number, task: () => void) => {
        tasks.push({ at, task });
        return () => {};
      },
    } as unknown as SimClock;
    const end = makeLink(clock);
    await turns(1);
    end.link.take(helloBytes);
    end.link.take(welcomeBytes);
    assert.equal(end.end.opened, 1);
    now = 3_600_000; // the process was stopped for an hour
    tasks.at(-1)?.task();
    assert.deepEqual(end.end.found, []);
    now += limits.pingIdleMs;
    tasks.at(-1)?.task();
    now += limits.pingIdleMs;
    tasks.at(-1)?.task();
    now += limits.pingIdleMs;
    tasks.at(-1)?.task();
    assert.deepEqual(end.end.found, ['unresponsive']);
  });

  for (const [name, bytes] of [
    [
      'a frame before hello',
      encodeParts([{ channel: 1, priority: 'urgent', bytes: new Uint8Array(1), more: false }]),
    ],
    ['a welcome before hello', welcomeBytes],
    ['a second hello', new Uint8Array([...helloBytes, ...helloBytes])],
    ['a ping cut short', new Uint8Array([...helloBytes, ...control(Uint8Array.of(1, 2))])],
  ] as const) {
    it(`closes on ${name} (G5)`, async () => {
      const end = makeLink(new SimClock());
      await turns(1);
      end.link.take(bytes);
      assert.deepEqual(
        [end.end.found, end.end.closed, end.end.wireClosed],
        [['malformed'], ['malformed'], true],
      );
    });
  }

  it('is not made to queue answers without end (G10)', async () => {
    const end = makeLink(new SimClock());
    await turns(1);
    end.link.take(new Uint8Array([...helloBytes, ...welcomeBytes]));
    end.end.room = 0;
    const pings = encodeParts(
      Array.from({ length: 1_000 }, (_, token) => ({
        channel: CONTROL,
        priority: 'urgent' as const,
        bytes: encodeControl({ kind: 'ping', token }),
        more: false,
      })),
    );
    for (let i = 0; i < 100 && end.end.closed.length === 0; i++) {
      end.link.take(pings);
      await turns(1);
    }
    assert.deepEqual(end.end.found, ['flood']);
  });

  it('is delayed in order, and drops what the switch says (G14)', async () => {
    const { clock, a, b } = await pair();
    const got: number[] = [];
    void (async () => {
      for await (const frame of b.link.receive(never)) got.push(frame.bytes[0] ?? -1);
    })();
    a.end.faults.delay(10, 50);
    b.end.faults.delay(10, 50);
    for (let i = 0; i < 50; i++) await a.link.send('sync', Uint8Array.of(i), 'normal');
    assert.deepEqual(got, []);
    await drive(clock, () => got.length === 50);
    assert.deepEqual(
      got,
      [...got].sort((x, y) => x - y),
    );
    a.end.faults.clear();
    a.end.faults.drop(0.5);
    for (let i = 0; i < 100; i++) await a.link.send('sync', Uint8Array.of(i), 'normal');
    a.end.faults.clear();
    b.end.faults.clear();
    await a.link.send('sync', Uint8Array.of(255), 'normal');
    await drive(clock, () => got.at(-1) === 255);
    assert.ok(got.length > 60 && got.length < 140, `${got.length - 51} of 100 arrived`);
    await a.link.close();
  });
});
