import { strict as assert } from 'node:assert';
import { encode } from 'cborg';
import fc from 'fast-check';
import { decodeControl, encodeControl } from '../../../net/control.ts';
import { decodeHello, encodeHello, faultOfHello, PROTOCOL_VERSION } from '../../../net/hello.ts';
import { helloOf } from '../../contract/networks.ts';

const hello = helloOf({});
const fields = (version: number = PROTOCOL_VERSION): unknown[] => [
  version,
  hello.networkId,
  hello.genesisHash,
  0,
  null,
  0,
  'test',
];

describe('hello (G4, G5)', () => {
  it('comes out as it went in', () => {
    for (const each of [
      hello,
      helloOf({ hello: { role: 'validator', voteKey: new Uint8Array(32), headHeight: 2 ** 40 } }),
    ]) {
      assert.deepEqual(decodeHello(encodeHello(each)), each);
    }
  });

  it('is a hello or nothing, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void decodeHello(bytes)));
    const good = encodeHello(hello);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = Uint8Array.from(good);
        bytes[at] = value;
        const got = decodeHello(bytes);
        if (got !== undefined) assert.deepEqual(encodeHello(got), bytes);
      }),
    );
  });

  it('of the same version has these fields and no others', () => {
    assert.ok(decodeHello(encode(fields())));
    for (const bad of [
      [...fields(), 1],
      fields().slice(0, 6),
      fields().with(2, new Uint8Array(31)),
      fields().with(3, 2),
      fields().with(4, new Uint8Array(33)),
      fields().with(5, -1),
      fields().with(5, 1.5),
      fields().with(6, 'x'.repeat(65)),
      fields().with(6, 'bell\u0007'),
      { 0: 1 },
    ]) {
      assert.equal(decodeHello(encode(bad)), undefined);
    }
  });

  it('of a later version may have more', () => {
    const got = decodeHello(encode([...fields(9), 'news']));
    assert.ok(got);
    assert.equal(faultOfHello(hello, got), undefined);
    assert.equal(faultOfHello(got, hello), 'old-version');
  });

  it('of control frames only five kinds exist', () => {
    for (const control of [
      { kind: 'hello', hello },
      { kind: 'welcome' },
      { kind: 'ping', token: 2 ** 32 - 1 },
      { kind: 'pong', token: 7 },
      { kind: 'goodbye', reason: 'old-version' },
    ] as const) {
      assert.deepEqual(decodeControl(encodeControl(control)), control);
    }
    for (const bytes of [[], [1], [1, 0, 0, 0], [3], [3, 99], [4, 0], [5]]) {
      assert.equal(decodeControl(Uint8Array.from(bytes)), undefined);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void decodeControl(bytes)));
  });
});
