import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  concat,
  copyBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  toUtf8,
} from '../../../base/bytes.ts';
import { isU64, isUint, parseSafe, parseU64 } from '../../../base/decimal.ts';

const bytes = fc.uint8Array({ maxLength: 70 });

describe('bytes', () => {
  it('agrees with Node on hex and base64, both ways', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        assert.equal(toHex(data), Buffer.from(data).toString('hex'));
        assert.equal(toBase64(data), Buffer.from(data).toString('base64'));
        assert.deepEqual(fromHex(toHex(data)), data);
        assert.deepEqual(fromBase64(toBase64(data)), data);
      }),
    );
  });

  it('writes base64 of any length', () => {
    for (const length of [6_143, 6_144, 6_145, 12_289, 300_000]) {
      const data = Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 255));
      assert.equal(toBase64(data), data.toString('base64'), `${length} bytes`);
    }
  });

  it('accepts one text only for each byte string', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const [hex, base64] = [fromHex(text), fromBase64(text)];
        if (hex !== undefined) assert.equal(toHex(hex), text);
        if (base64 !== undefined) assert.equal(toBase64(base64), text);
      }),
    );
    for (const text of ['0', '0G', 'g0', '0:', '`0', '0\u0130', 'AB', 'ab ', '0x12'])
      assert.equal(fromHex(text), undefined);
    for (const text of ['A', 'AA', 'AAA', 'AB==', 'AAB=', 'AAAA\n', 'A-__', '====', 'AAAA=']) {
      assert.equal(fromBase64(text), undefined, text);
    }
  });

  it('reads well-formed UTF-8 and keeps a byte order mark', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(fromUtf8(toUtf8(text)), text);
      }),
    );
    assert.equal(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa');
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      assert.equal(fromUtf8(Uint8Array.from(bad)), undefined);
    }
  });

  it('joins, compares and copies', () => {
    const buffer = Buffer.from('abcd');
    const copy = copyBytes(buffer, 1, 3);
    buffer.fill(0);
    assert.deepEqual(copy, Uint8Array.of(0x62, 0x63), 'not a view of the buffer');
    assert.deepEqual(concat(copy, copy), Uint8Array.of(0x62, 0x63, 0x62, 0x63));
    assert.ok(equalBytes(copy, concat(copy)));
    assert.ok(!equalBytes(copy, copy.subarray(1)));
    assert.ok(!equalBytes(copy, Uint8Array.of(0x62, 0x64)));
  });

  it('reads decimals without a second spelling', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        assert.equal(parseU64(String(value)), value);
      }),
    );
    for (const text of ['', '-1', '+1', '01', '1.0', '1e3', ' 1', '1\n', '18446744073709551616']) {
      assert.equal(parseU64(text), undefined, text);
    }
    assert.equal(parseSafe('9007199254740991'), Number.MAX_SAFE_INTEGER);
    assert.equal(parseSafe('9007199254740992'), undefined);
    assert.equal(parseSafe('256', 255), undefined);
    assert.ok(isUint(0) && isUint(255, 255) && !isUint(256, 255) && !isUint(-1) && !isUint(0.5));
    assert.ok(isU64(2n ** 64n - 1n) && !isU64(2n ** 64n) && !isU64(-1n) && !isU64(1));
  });
});
