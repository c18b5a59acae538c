import { strict as assert } from 'node:assert';
import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { decodeAs, decodeLaxly, type Format } from '../../../chain/codec/cbor.ts';
import { type Item, readItem, writeItem } from '../../../chain/codec/item.ts';

const uint = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.constantFrom(
    23,
    24,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    2n ** 53n,
    2n ** 64n - 1n,
  ),
);
const leaf: fc.Arbitrary<Item> = fc.oneof(
  uint,
  fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => text.isWellFormed()),
  fc.uint8Array({ maxLength: 300 }),
  fc.constant(null),
);
const item: fc.Arbitrary<Item> = fc.oneof(
  leaf,
  fc.array(fc.oneof(leaf, fc.array(leaf, { maxLength: 4 })), { maxLength: 30 }),
);
/** Takes an item as it is. */
const ANYTHING: Format<unknown> = { what: 'item', read: (read) => read, write: (value) => value };

/** Bytes of an item with some of them changed, cut off or put in: nearly right is what a lax reader takes. */
const nearlyRight = fc
  .tuple(item, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { maxLength: 3 }))
  .map(([value, changes]) => {
    const bytes = [...encode(value)];
    for (const [at, byte, how] of changes) bytes.splice(at % (bytes.length + 1), how % 3, byte);
    return Uint8Array.from(bytes);
  });

describe('items of CBOR (X1)', () => {
  it('are written as the general encoder writes them', () => {
    fc.assert(
      fc.property(item, (value) => {
        assert.deepEqual(writeItem(value), new Uint8Array(encode(value)));
      }),
    );
  });

  it('are read back, as copies and as views', () => {
    fc.assert(
      fc.property(item, (value) => {
        const bytes = writeItem(value);
        const plain = decode(bytes);
        assert.deepEqual(readItem(bytes), plain);
        assert.deepEqual(readItem(Buffer.from(bytes), 'views'), plain);
      }),
    );
  });

  it('hand out byte strings that do not change with what they were read from, unless views are asked for', () => {
    const bytes = Buffer.from(writeItem([new Uint8Array(3)]));
    const [copy] = readItem(bytes) as Uint8Array[];
    const [view] = readItem(bytes, 'views') as Uint8Array[];
    bytes.fill(7, 2);
    assert.deepEqual(copy, new Uint8Array(3));
    assert.deepEqual(view, Uint8Array.of(7, 7, 7));
    assert.equal(copy?.constructor, Uint8Array);
    assert.equal(view?.constructor, Uint8Array);
  });

  it('have one encoding: what is read is what the general reader takes and encodes to the same bytes', () => {
    fc.assert(
      fc.property(nearlyRight, (bytes) => {
        const read = readItem(bytes);
        if (read !== undefined) assert.deepEqual(new Uint8Array(encode(read)), bytes);
        assert.deepEqual(decodeAs(ANYTHING, bytes), decodeLaxly(ANYTHING, bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  const refused: Readonly<Record<string, readonly number[]>> = {
    'a number with a head that is too long': [0x18, 23],
    'a number of two bytes that fits one': [0x19, 0, 255],
    'a number of four bytes that fits two': [0x1a, 0, 0, 255, 255],
    'a number of eight bytes that fits four': [0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
    'a length with a head that is too long': [0x58, 1, 0],
    'an indefinite array': [0x9f, 0, 0xff],
    'a negative number': [0x20],
    'a float': [0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
    true: [0xf5],
    undefined: [0xf7],
    'a map': [0xa0],
    'a tag': [0xc0, 0x60],
    'text that is not UTF-8': [0x61, 0xff],
    'a byte string that is cut off': [0x42, 0],
    'an array that is cut off': [0x82, 0],
    'an array of more items than there are bytes': [0x9a, 255, 255, 255, 255],
    'a second item': [0, 0],
    nothing: [],
    'arrays in each other without end': new Array(40).fill(0x81).concat(0),
  };
  for (const [name, bytes] of Object.entries(refused)) {
    it(`are not: ${name}`, () => assert.equal(readItem(Uint8Array.from(bytes)), undefined));
  }

  it('are nothing that a format must not write', () => {
    for (const wrong of [-1, 0.5, 2n ** 64n, undefined, true, {}]) {
      assert.throws(() => writeItem([wrong as unknown as Item]), TypeError);
    }
  });
});
