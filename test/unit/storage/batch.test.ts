import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { PyralogError } from '../../../base/errors.ts';
import { encodeHeaders, encodeMultihash } from '../../../receipt/index.ts';
import {
  decodeOutcomes,
  decodePaths,
  decodeProposal,
  decodeRows,
  encodeDigests,
  encodeNotaryProposal,
  encodeOutcomes,
  encodePaths,
  encodeProposal,
  encodeRow,
  firstNewOffset,
  type Outcome,
  type ProposedRecord,
} from '../../../storage/index.ts';
import { memoryParts, partitionsOf } from '../../support/memory-notary.ts';
import { realClock } from '../../support/real-clock.ts';

const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((b) => Buffer.from(b));
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => s.isWellFormed());

const record: fc.Arbitrary<ProposedRecord> = fc.record(
  {
    schemaId: fc.nat().filter((n) => n !== 1),
    value: bytes(100),
    submitter: name,
    key: bytes(20),
    headers: fc
      .array(fc.record({ name: fc.string({ maxLength: 8 }), value: bytes(8) }), {
        minLength: 1,
        maxLength: 4,
      })
      .map((list) => Buffer.from(encodeHeaders(list))),
    idempotencyKey: name.filter((s) => s !== ''),
  },
  { requiredKeys: ['schemaId', 'value', 'submitter'], noNullPrototype: true },
);

const outcome: fc.Arbitrary<Outcome> = fc.record(
  {
    status: fc.constantFrom('new', 'duplicate', 'conflict'),
    epoch: fc.nat(),
    offset: fc.maxSafeNat(),
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    timestamp: fc.maxSafeNat(),
  },
  { noNullPrototype: true },
);

describe('packed batches', () => {
  it('proposals come back as they went (B1)', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        assert.deepEqual(decodeProposal(encodeProposal(records)), records);
      }),
    );
  });

  it('digests come back as notary records (B2)', () => {
    fc.assert(
      fc.property(
        name,
        fc.constantFrom(['sha256', 0x12, 32], ['sha512', 0x13, 64], ['blake3', 0x1e, 32]),
        fc.integer({ min: 1, max: 9 }),
        (submitter, [algorithm, code, length], count) => {
          const digests = Buffer.from(
            Array.from({ length: count * Number(length) }, (_, i) => i % 251),
          );
          const decoded = decodeProposal(encodeDigests({ code: Number(code), submitter, digests }));
          assert.equal(decoded.length, count);
          for (const [i, { schemaId, value, submitter: who }] of decoded.entries()) {
            const digest = digests.subarray(i * Number(length), (i + 1) * Number(length));
            const expected = encodeMultihash({ algorithm: algorithm as 'sha256', digest });
            assert.deepEqual([schemaId, who, [...value]], [1, submitter, [...expected]]);
          }
        },
      ),
    );
  });

  it('notary proposals mean the same in either form', () => {
    const item = fc.record({
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      code: fc.constantFrom(0x12, 0x1e),
      submitter: fc.constantFrom('', 'é€😀', 'someone'),
      idempotencyKey: fc.option(
        name.filter((s) => s !== ''),
        { nil: undefined, freq: 2 },
      ),
    });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 8 }), (items) => {
        const plain = items.map(({ digest, code, submitter, idempotencyKey }) => ({
          schemaId: 1,
          value: Buffer.from([code, 32, ...digest]),
          submitter,
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        }));
        assert.deepEqual(decodeProposal(encodeNotaryProposal(items)), plain);
      }),
    );
  });

  it('decoders refuse by code whatever is changed, cut or added, and never fail otherwise (B6)', () => {
    const proposals = fc.array(record, { minLength: 1, maxLength: 3 }).map(encodeProposal);
    const change = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.nat(40), add: fc.nat(3) });
    fc.assert(
      fc.property(proposals, change, (proposal, { at, to, cut, add }) => {
        const end = Math.max(0, proposal.length - cut);
        const changed = Buffer.concat([proposal.subarray(0, end), Buffer.alloc(add)]);
        if (changed.length > 0) changed[at % changed.length] = to;
        for (const decode of [decodeProposal, decodeRows, (b: Uint8Array) => decodePaths(b, 3)]) {
          try {
            decode(changed);
          } catch (error) {
            assert.ok(
              error instanceof PyralogError && error.code === 'batch/malformed',
              `${error}`,
            );
          }
        }
        if (cut !== add && cut <= proposal.length && at % changed.length > 8) {
          assert.throws(() => decodeProposal(Buffer.concat([proposal, Buffer.alloc(1 + add)])));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('outcomes come back as they went (B4)', () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 20 }), (outcomes) => {
        const packed = encodeOutcomes(outcomes);
        assert.equal(packed.length, outcomes.length * 40);
        assert.deepEqual(decodeOutcomes(packed, outcomes.length), outcomes);
        assert.equal(firstNewOffset(packed), outcomes.find((o) => o.status === 'new')?.offset);
        assert.throws(() => decodeOutcomes(packed, outcomes.length + 1), {
          code: 'batch/malformed',
        });
      }),
    );
    assert.throws(() => decodeOutcomes(Buffer.alloc(40, 3), 1), { code: 'batch/malformed' });
    assert.throws(() => decodeOutcomes(Buffer.alloc(40, 0xff).fill(0, 0, 1), 1), {
      code: 'batch/malformed',
    });
  });

  it('paths come back as they went', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.array(fc.array(hash, { maxLength: 5 }), { maxLength: 5 }), (paths) => {
        const back = decodePaths(encodePaths(paths), paths.length);
        assert.deepEqual(
          back.map((p) => p.map((h) => [...h])),
          paths.map((p) => p.map((h) => [...h])),
        );
      }),
    );
  });

  it('rows come back as they went, and not when a byte is missing (B5)', async () => {
    const { store, replicator } = memoryParts(partitionsOf(1), realClock);
    const records = fc.sample(record, { numRuns: 20, seed: 1 });
    await replicator.propose(0, encodeProposal(records), { wait: 'durable', paths: false });
    replicator.close();
    const rows = store.read(0, 0, 1 << 20);
    const packed = Buffer.concat(rows.map(encodeRow));
    const plain = (row: (typeof rows)[0]) =>
      [row.leaf, row.key, row.headers, row.value].map((b) => b && Buffer.from(b).toString('hex'));
    assert.deepEqual(decodeRows(packed).map(plain), rows.map(plain));
    assert.throws(() => decodeRows(packed.subarray(0, -1)), { code: 'batch/malformed' });
  });

  it('encoders refuse what no proposal may hold', () => {
    const one = { schemaId: 0, value: Buffer.alloc(0), submitter: '' };
    const bad = { code: 'batch/malformed' };
    assert.throws(() => encodeProposal([]), bad);
    assert.throws(() => encodeProposal(new Array(65_537).fill(one)), bad);
    assert.throws(() => encodeProposal([{ ...one, value: Buffer.alloc(16 << 20) }]), bad);
    assert.throws(() => encodeProposal([{ ...one, submitter: 's'.repeat(256) }]), bad);
    assert.throws(
      () => encodeDigests({ code: 0x12, submitter: '', digests: Buffer.alloc(33) }),
      bad,
    );
    assert.throws(
      () => encodeDigests({ code: 0x55, submitter: '', digests: Buffer.alloc(32) }),
      bad,
    );
    assert.throws(() => encodeNotaryProposal([]), bad);
    const short = { code: 0x12, digest: Buffer.alloc(31), submitter: '' };
    assert.throws(() => encodeNotaryProposal([short]), bad);
    assert.throws(() => encodeNotaryProposal([{ ...short, idempotencyKey: 'k' }]), bad);
  });
});
