import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  encodeFrame,
  FrameCutter,
  type MuxerInside,
  withoutUnheard,
} from '../../../net/libp2p/muxing.ts';
import { MessageCutter, sealAll } from '../../../net/libp2p/sealing.ts';

const TAG_BYTES = 16;
const SEALED_BYTES_MAX = 65_535;
const WINDOW = 1_000;

/** Cuts bytes at these places, as a socket may. */
function chunksOf(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

const places = fc.array(fc.nat(), { maxLength: 6 });

describe('net: sealed messages of noise', () => {
  /** Marks the place of the tag instead of sealing. */
  const mark = (bytes: Uint8Array) => void bytes.fill(0xee, bytes.length - TAG_BYTES);
  const plainOf = (message: Uint8Array) => message.subarray(0, message.length - TAG_BYTES);

  it('come out as they went in, however they were cut on the way', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1 }), { maxLength: 8 }),
        places,
        (list, cuts) => {
          const wire = Buffer.concat(list.map((plain) => sealAll(plain, mark)));
          const cutter = new MessageCutter();
          const messages = chunksOf(wire, cuts).flatMap((chunk) => cutter.decode(chunk));
          assert.deepEqual(
            messages.map((one) => Buffer.from(plainOf(one))),
            list.map((one) => Buffer.from(one)),
          );
        },
      ),
    );
  });

  it('have at most 65,535 bytes with their tags', () => {
    const most = SEALED_BYTES_MAX - TAG_BYTES;
    for (const [length, count] of [
      [most, 1],
      [most + 1, 2],
      [2 * most, 2],
      [2 * most + 1, 3],
    ] as const) {
      const plain = Buffer.alloc(length, 5);
      const messages = new MessageCutter().decode(sealAll(plain, mark));
      assert.equal(messages.length, count);
      assert.ok(messages.every((message) => message.length <= SEALED_BYTES_MAX));
      assert.deepEqual(Buffer.concat(messages.map(plainOf)), plain);
    }
  });

  it('continue with the beginning of one that came during the handshake', () => {
    const wire = sealAll(Uint8Array.of(1, 2, 3), mark);
    for (let at = 0; at < wire.length; at++) {
      const [message] = new MessageCutter(wire.subarray(0, at)).decode(wire.subarray(at));
      assert.deepEqual([...plainOf(message ?? Buffer.alloc(0))], [1, 2, 3]);
    }
  });

  it('of no bytes at all are passed over', () => {
    assert.deepEqual(new MessageCutter().decode(Uint8Array.of(0, 0, 0, 1, 9)), [Uint8Array.of(9)]);
  });
});

describe('net: frames of yamux', () => {
  const strict: MuxerInside['decoder'] = {
    emitFrames: () => {
      throw new Error('not a frame');
    },
  };
  const frame = fc.oneof(
    fc.record({ flag: fc.nat(15), streamID: fc.nat(2 ** 31), data: fc.uint8Array() }),
    fc.record({ flag: fc.nat(15), streamID: fc.nat(2 ** 31), length: fc.nat(2 ** 31) }),
  );

  it('come out as they went in, however they were cut on the way', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), places, (list, cuts) => {
        const frames = list.map(({ flag, streamID, ...rest }) =>
          'data' in rest
            ? { header: { type: 0, flag, streamID, length: rest.data.length }, data: rest.data }
            : { header: { type: 1, flag, streamID, length: rest.length } },
        );
        const wire = Buffer.concat(
          frames.map(({ header, ...rest }) =>
            encodeFrame(header, 'data' in rest ? rest.data : new Uint8Array(0)),
          ),
        );
        const cutter = new FrameCutter(strict, WINDOW);
        const read = chunksOf(wire, cuts).flatMap((chunk) => [...cutter.emitFrames(chunk)]);
        assert.deepEqual(
          read.map(({ header, data }) =>
            data === undefined ? { header } : { header, data: Uint8Array.from(data) },
          ),
          frames,
        );
      }),
    );
  });

  it('that are none are left to the muxer, which ends the connection', () => {
    const wrong = Buffer.alloc(12, 1);
    assert.throws(() => [...new FrameCutter(strict, WINDOW).emitFrames(wrong)], /not a frame/);
  });

  it('that no window has room for are not waited for', () => {
    const head = (length: number) =>
      encodeFrame({ type: 0, flag: 0, streamID: 1, length }, new Uint8Array(0));
    const cut = (length: number) => [...new FrameCutter(strict, WINDOW).emitFrames(head(length))];
    assert.deepEqual(cut(WINDOW), []);
    assert.throws(() => cut(WINDOW + 1), /above the window/);
  });
});

describe('net: a stream that makes no event for nobody', () => {
  it('tells those who listen, and only them', () => {
    const told: string[] = [];
    const heard = new Set(['drain']);
    const stream = withoutUnheard({
      listenerCount: (type: string) => (heard.has(type) ? 1 : 0),
      safeDispatchEvent: (type: string) => told.push(type) > 0,
    });
    stream.safeDispatchEvent('idle');
    stream.safeDispatchEvent('drain');
    heard.add('idle');
    stream.safeDispatchEvent('idle');
    assert.deepEqual(told, ['drain', 'idle']);
  });
});
