import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  claimedLength,
  compress,
  decompress,
  messageId,
  topicOfPath,
  topicPath,
} from '../../../net/libp2p/gossip-codec.ts';

const LIMIT = 64 * 1024;

describe('gossip messages (G9)', () => {
  it('come out of snappy as they went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), (data) => {
        assert.deepEqual(decompress(compress(data), LIMIT), data);
      }),
    );
    const zeros = new Uint8Array(LIMIT);
    assert.deepEqual(decompress(compress(zeros), LIMIT), zeros);
  });

  it('are data or nothing, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const data = decompress(bytes, LIMIT);
        if (data !== undefined) assert.ok(data.length <= LIMIT);
      }),
      { numRuns: 2_000 },
    );
    const good = compress(Uint8Array.from({ length: 500 }, (_, i) => (i * i) % 7));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = Uint8Array.from(good);
        bytes[at] = value;
        decompress(bytes, LIMIT);
      }),
    );
  });

  it('that would make the package go round for ever are nothing', () => {
    // A literal of 2^32 − 4 bytes: −5 as a signed number.
    for (const hex of ['05fcfaffffff00', '05fcfbffffff0000', '04f800', '0407000000ff']) {
      assert.equal(decompress(Buffer.from(hex, 'hex'), LIMIT), undefined);
    }
  });

  it('above the limit are refused by their claim, and so are claims that cannot be true', () => {
    const bomb = compress(new Uint8Array(LIMIT + 1));
    assert.equal(claimedLength(bomb), LIMIT + 1);
    assert.equal(decompress(bomb, LIMIT), undefined);
    // 4 GiB claimed in five bytes; 2 MiB in six; no end of the number.
    for (const bytes of [
      [255, 255, 255, 255, 15],
      [128, 128, 128, 1, 0, 0],
      [255, 255, 255, 255, 255, 255],
      [],
    ]) {
      assert.equal(claimedLength(Uint8Array.from(bytes)), undefined);
    }
  });

  it('have an id of topic and data', () => {
    const [a, b] = [topicPath('n-1', 'blocks'), topicPath('n-1', 'anchors')];
    const data = Uint8Array.of(1, 2);
    const ids = [messageId(a, data), messageId(b, data), messageId(a, Uint8Array.of(1))];
    assert.equal(new Set(ids.map((id) => Buffer.from(id).toString('hex'))).size, 3);
    assert.deepEqual(messageId(a, data), ids[0]);
    assert.equal(ids[0]?.length, 20);
    assert.deepEqual(
      [topicOfPath('n-1', a), topicOfPath('n-2', a), topicOfPath('n-1', 'x')],
      ['blocks', undefined, undefined],
    );
  });
});
