import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { encodeParts, FrameDecoder, PART_BYTES_MAX } from '../../../net/frame-codec.ts';
import { FrameQueue, type Part } from '../../../net/frame-queue.ts';
import { CHANNELS, FRAME_BYTES_MAX, type Priority } from '../../../net/types.ts';

const priorities: readonly Priority[] = ['urgent', 'normal', 'bulk'];

/** Feeds bytes in the given chunk sizes; frames as text, and the first fault. */
function decode(bytes: Uint8Array, sizes: readonly number[] = []) {
  const frames: string[] = [];
  const decoder = new FrameDecoder((channel, payload) => {
    frames.push(`${channel}:${Buffer.from(payload).toString('hex')}`);
  });
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const fault = decoder.push(bytes.subarray(at, at + size));
    if (fault !== undefined) return { frames, fault };
    at += size;
  }
  return { frames, fault: undefined };
}

const part = (over: Partial<Part>): Part => ({
  channel: CHANNELS.sync,
  priority: 'normal',
  bytes: new Uint8Array(3),
  more: false,
  ...over,
});

describe('frames on the wire (G3)', () => {
  it('come out as they went in, however lanes interleave and bytes are cut', () => {
    const frame = fc.record({
      channel: fc.constantFrom(...Object.values(CHANNELS)),
      bytes: fc.uint8Array({ maxLength: 200 }),
      priority: fc.constantFrom(...priorities),
    });
    const sizes = fc.array(fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(fc.array(frame), fc.integer({ min: 1, max: 50 }), sizes, (frames, max, cuts) => {
        const queue = new FrameQueue(Number.POSITIVE_INFINITY);
        const parts: Part[] = [];
        frames.forEach((each, i) => {
          void queue.push(each.channel, each.bytes, each.priority);
          const next = i % 2 === 0 ? queue.shift(max) : undefined;
          if (next !== undefined) parts.push(next);
        });
        for (let next = queue.shift(max); next !== undefined; next = queue.shift(max)) {
          parts.push(next);
        }
        const { frames: got, fault } = decode(encodeParts(parts), cuts);
        assert.equal(fault, undefined);
        const text = (f: { channel: number; bytes: Uint8Array }) =>
          `${f.channel}:${Buffer.from(f.bytes).toString('hex')}`;
        assert.deepEqual(got.sort(), frames.map(text).sort());
      }),
    );
  });

  it('are frames or a fault, never an exception, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(50)), (bytes, cuts) => {
        decode(bytes, cuts);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are frames or a fault when some bytes of good ones are changed', () => {
    const good = encodeParts([
      part({ more: true }),
      part({ priority: 'urgent', channel: 0 }),
      part({}),
      part({ priority: 'bulk', bytes: new Uint8Array(40) }),
    ]);
    const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(change, (changes) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        decode(bytes);
      }),
    );
  });

  for (const [name, parts, fault] of [
    ['an unknown channel', [part({ channel: 31 })], 'malformed'],
    ['another channel in the middle', [part({ more: true }), part({ channel: 1 })], 'malformed'],
    [
      'an empty part with more to come',
      [part({ more: true, bytes: new Uint8Array(0) })],
      'malformed',
    ],
    ['control in parts', [part({ channel: 0, priority: 'urgent', more: true })], 'malformed'],
    ['control in another lane', [part({ channel: 0, priority: 'bulk' })], 'malformed'],
    [
      'a large control frame',
      [part({ channel: 0, priority: 'urgent', bytes: new Uint8Array(1_025) })],
      'oversized',
    ],
    ['a part above its size', [part({ bytes: new Uint8Array(PART_BYTES_MAX + 1) })], 'oversized'],
  ] as const) {
    it(`refuse ${name}`, () => {
      const { fault: got } = decode(encodeParts(parts));
      assert.equal(got, fault);
    });
  }

  it('refuse a lane that does not exist', () => {
    assert.equal(decode(Uint8Array.of(0, 0, 0, 0, CHANNELS.sync | (3 << 5))).fault, 'malformed');
  });

  it('refuse a frame above 4 MiB at the part that goes beyond, and all that follows', () => {
    const frames: number[] = [];
    const decoder = new FrameDecoder((_, bytes) => frames.push(bytes.length));
    const full = encodeParts([part({ more: true, bytes: new Uint8Array(PART_BYTES_MAX) })]);
    for (let i = 0; i < FRAME_BYTES_MAX / PART_BYTES_MAX; i++) {
      assert.equal(decoder.push(full), undefined);
    }
    assert.equal(decoder.push(encodeParts([part({ bytes: new Uint8Array(1) })])), 'oversized');
    assert.equal(decoder.push(encodeParts([part({})])), 'oversized');
    assert.deepEqual(frames, []);
  });

  it('refuse a length at its header, before the bytes come', () => {
    assert.equal(decode(Uint8Array.of(255, 255, 255, 255, CHANNELS.sync)).fault, 'oversized');
  });
});
