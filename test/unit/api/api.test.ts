import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import {
  type DigestFrame,
  decodeAnswerFrame,
  decodeDigestFrame,
  encodeDigestFrame,
  encodeErrorFrame,
  encodeOutcomeFrame,
  type LogInfo,
  logInfoFromWire,
  logInfoToWire,
  methodNames,
  methods,
  OUTCOME_BYTES,
  openRpcDocument,
  type RecordStatus,
  readErrorObject,
  type Submitted,
  statusFromWire,
  statusToWire,
  submittedFromWire,
  submittedToWire,
} from '../../../api/index.ts';
import type * as notary from '../../../notary/index.ts';

// The client's domain types are the notary's, declared twice: this compiles only while they are equal.
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const equalTypes: [
  Equal<Submitted, notary.Submitted>,
  Equal<RecordStatus, notary.RecordStatus>,
  Equal<LogInfo, notary.LogInfo>,
] = [true, true, true];

describe('the method definitions (R2)', () => {
  for (const name of methodNames) {
    it(`${name}: its example fits its schemas, and nothing unknown does`, () => {
      const { params, result, example } = methods[name];
      const validator = Compile(params);
      assert.ok(validator.Check(example.params), JSON.stringify(validator.Errors(example.params)));
      assert.ok(Compile(result).Check(example.result));
      assert.equal(validator.Check({ ...example.params, unknown: 1 }), false);
    });
  }

  it('make an OpenRPC document that survives JSON', () => {
    const document = openRpcDocument('1.2.3');
    assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
    assert.equal((document['methods'] as unknown[]).length, methodNames.length);
    assert.equal(equalTypes.length, 3);
  });
});

const algorithm = fc.constantFrom('sha256', 'sha512', 'blake3');
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const safe = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const level = fc.constantFrom('accepted', 'durable', 'checkpoint', 'witnessed', 'final');
const place = {
  id: u64,
  origin: fc.string(),
  level,
  offset: safe,
  epoch: fc.nat(),
  timestamp: safe,
};
const plain = { noNullPrototype: true } as const;
const overJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

describe('conversions to the wire and back', () => {
  it('keep every submission and status', () => {
    fc.assert(
      fc.property(fc.record({ ...place, duplicate: fc.boolean() }, plain), (submitted) => {
        assert.deepEqual(submittedFromWire(overJson(submittedToWire(submitted))), submitted);
      }),
    );
    const status = fc.record(
      { ...place, digest: fc.uint8Array({ minLength: 32, maxLength: 32 }) },
      plain,
    );
    fc.assert(
      fc.property(status, fc.constantFrom('sha256', 'blake3'), (fields, name) => {
        const value = { ...fields, algorithm: name };
        assert.deepEqual(statusFromWire(overJson(statusToWire(value))), value);
      }),
    );
  });

  it('keep every log', () => {
    const checkpoint = fc.record({ size: safe, note: fc.string(), sha256Note: fc.string() }, plain);
    const log = fc.record(
      {
        origin: fc.string(),
        partition: fc.nat(),
        size: safe,
        checkpoint,
        firstOffset: safe,
        dedupWindowMs: safe,
        dedupRecords: safe,
        durability: fc.constantFrom('sync', 'interval', 'memory'),
        ackPolicy: fc.constantFrom('majority', 'all'),
        replicas: fc.nat(),
      },
      plain,
    );
    fc.assert(
      fc.property(log, (value) => {
        assert.deepEqual(logInfoFromWire(overJson(logInfoToWire(value))), value);
      }),
    );
  });
});

describe('binary frames (R8)', () => {
  const frame: fc.Arbitrary<DigestFrame> = fc
    .record({
      requestId: fc.nat({ max: 0xffff_ffff }),
      algorithm,
      submitter: fc
        .string({ unit: 'grapheme', maxLength: 8 })
        .filter((text) => Buffer.byteLength(text) <= 64),
      waitFor: fc.constantFrom('durable', 'checkpoint'),
      count: fc.integer({ min: 1, max: 5 }),
      fill: fc.nat({ max: 255 }),
    })
    .map(({ count, fill, ...rest }) => ({
      ...rest,
      digests: new Uint8Array(count * (rest.algorithm === 'sha512' ? 64 : 32)).fill(fill),
    }));

  it('are read as they were written', () => {
    fc.assert(
      fc.property(frame, (value) => {
        assert.deepEqual(decodeDigestFrame(encodeDigestFrame(value)), value);
      }),
    );
    fc.assert(
      fc.property(
        fc.nat({ max: 9 }),
        fc.nat(),
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('durable' as const, 'accepted' as const),
        (count, requestId, note, durability) => {
          const outcomes = new Uint8Array(count * OUTCOME_BYTES).fill(count);
          const frame = { requestId, outcomes, durability, note };
          const read = decodeAnswerFrame(encodeOutcomeFrame(frame));
          assert.deepEqual(read, { kind: 'outcomes', ...frame });
        },
      ),
    );
    const error = {
      code: -1,
      message: 'm',
      data: { reason: 'a/b', retryable: true, retryAfterMs: 5, id: '7' },
    };
    assert.deepEqual(decodeAnswerFrame(encodeErrorFrame(9, error)), {
      kind: 'error',
      requestId: 9,
      error,
    });
  });

  it('refuse a frame that is cut or has a byte too many', () => {
    fc.assert(
      fc.property(frame, (value) => {
        const bytes = encodeDigestFrame(value);
        for (let length = 0; length < bytes.length; length += 7) {
          assert.ok('kind' in decodeDigestFrame(bytes.subarray(0, length)));
        }
        assert.ok('kind' in decodeDigestFrame(Uint8Array.of(...bytes, 0)));
      }),
      { numRuns: 50 },
    );
  });

  it('refuse what is reserved: versions, kinds, flags, codes, zero bytes', () => {
    const good = encodeDigestFrame({
      requestId: 5,
      algorithm: 'sha256',
      submitter: '',
      waitFor: 'durable',
      digests: new Uint8Array(32),
    });
    assert.ok(!('kind' in decodeDigestFrame(good)));
    for (const [at, value] of [
      [0, 2],
      [1, 2],
      [2, 2],
      [3, 0x11],
      [8, 65],
      [9, 1],
      [11, 1],
      [12, 0],
      [14, 1],
    ] as const) {
      const bad = good.slice();
      bad[at] = value;
      const refused = decodeDigestFrame(bad);
      assert.ok('kind' in refused, `byte ${at}`);
      assert.equal(refused.requestId, 5);
    }
  });

  it('never throw on any bytes', () => {
    const header = fc.tuple(
      fc.constantFrom(1, 2),
      fc.nat({ max: 4 }),
      fc.uint8Array({ maxLength: 80 }),
    );
    fc.assert(
      fc.property(header, ([version, kind, rest]) => {
        const bytes = Uint8Array.of(version, kind, ...rest);
        decodeDigestFrame(bytes);
        decodeAnswerFrame(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('reads an error object from anything', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { code, message, data } = readErrorObject(value);
      assert.ok(typeof code === 'number' && typeof message === 'string');
      assert.ok(typeof data.reason === 'string' && typeof data.retryable === 'boolean');
    }),
  );
});
