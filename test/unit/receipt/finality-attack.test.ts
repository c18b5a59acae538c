import { strict as assert } from 'node:assert';
import { encode } from 'cborg';
import fc from 'fast-check';
import { concat } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { certify, trustRootFor, votersOf } from '../../support/final-chain.ts';
import {
  anchoring,
  BY_CHAIN,
  CHAIN,
  CHECKPOINT,
  ONE,
  RECEIPT,
  TWO,
  withFinality,
} from './finality-support.ts';
import { codeOf, editsOf, NETWORK, policy, record, replica, signed, unwrap } from './support.ts';

const { digest } = RECEIPT.record;
const sole = anchoring(votersOf([1n]));
/** One validator and one replica: each edit that reaches a signature costs one check. */
const SHORT = withFinality(r.encodeAnchorProof(sole.anchorProof(3, 1)));
const SHORT_TRUST = { policies: [policy(1, 1)], chains: [sole.root] };
const ALONE = { policies: [], chains: [sole.root] };

function verdictOn(read: r.Parsed<r.Receipt>, trust: r.TrustStore): r.Verified | r.Refusal {
  return read.ok ? r.verifyReceipt(read.value, digest, trust) : read;
}

interface Attack {
  readonly bytes: Uint8Array;
  /** Only bytes from here to there are edited. */
  readonly from?: number;
  readonly to?: number;
  readonly trust: r.TrustStore;
  readonly decode: typeof r.decodeReceiptCbor;
}

/** What is read from edits that pass although they change bytes; each must change no word of the verdict. */
function survivors({ bytes, from = 0, to = bytes.length, trust, decode }: Attack): r.Receipt[] {
  const honest = verdictOn(decode(bytes), trust);
  assert.ok(honest.ok);
  const passed: r.Receipt[] = [];
  for (const edited of editsOf(bytes.subarray(from, to))) {
    const read = decode(concat(bytes.subarray(0, from), edited, bytes.subarray(to)));
    const verdict = verdictOn(read, trust);
    if (!verdict.ok) {
      codeOf(verdict);
      continue;
    }
    assert.deepEqual(verdict, honest, 'what passes says the same');
    passed.push(unwrap(read));
  }
  return passed;
}

/** That the proof differs from the honest one in the shape of its path at most (F11). */
function assertSameEvidence(receipt: r.Receipt): void {
  const { checkpoint: _, finality = [], ...rest } = receipt;
  const { checkpoint: __, finality: ___, ...honestRest } = SHORT;
  assert.deepEqual(rest, honestRest);
  const [edited, honest] = [finality[0], SHORT.finality?.[0]].map((entry) =>
    unwrap(r.decodeAnchorProof(entry?.proof ?? assert.fail('a proof'), 1)),
  );
  assert.ok(edited && honest && finality.length === 1);
  const { count, index } = honest;
  assert.deepEqual({ ...edited, count, index }, honest);
}

describe('attacks on final receipts', function () {
  this.timeout(120_000); // thousands of Ed25519 checks in TypeScript

  it('see every change of one byte, but in what the chain does not know of a note (V3, V5, F8)', () => {
    const bytes = r.encodeReceiptCbor(SHORT);
    const passed = survivors({ bytes, trust: ALONE, decode: r.decodeReceiptCbor });
    assert.ok(passed.length > 0, 'epoch, time and signature lines of the note are the log’s alone');
    for (const receipt of passed) {
      assertSameEvidence(receipt);
      const head = (text = '') => text.split('\n').slice(0, 3);
      assert.deepEqual(head(receipt.checkpoint), head(SHORT.checkpoint), 'origin, size and root');
    }
  });

  it('see every change of the note where a policy is pinned (V5)', () => {
    const bytes = r.encodeReceiptCbor(SHORT);
    const to = r.encodeReceiptCbor(RECEIPT).length;
    assert.deepEqual(survivors({ bytes, to, trust: SHORT_TRUST, decode: r.decodeReceiptCbor }), []);
  });

  it('see every change of the proof in a JSON file (V3)', () => {
    const bytes = r.encodeReceiptJson(SHORT);
    const from = Buffer.from(bytes).indexOf('"finality"');
    for (const receipt of survivors({ bytes, from, trust: ALONE, decode: r.decodeReceiptJson })) {
      assertSameEvidence(receipt);
      assert.equal(receipt.checkpoint, SHORT.checkpoint);
    }
  });

  it('see every cut and every extension, of the receipt and of the proof in it', () => {
    const cbor = r.encodeReceiptCbor(withFinality(ONE, TWO));
    for (let length = 0; length < cbor.length; length++) {
      const code = codeOf(verdictOn(r.decodeReceiptCbor(cbor.slice(0, length)), BY_CHAIN));
      assert.equal(code, 'receipt/malformed');
    }
    for (const { scheme, proof } of [ONE, TWO]) {
      const codeWith = (bytes: Uint8Array) => {
        const changed = { kind: 'pos', scheme, proof: bytes } as const;
        return codeOf(r.verifyFinality(changed, CHECKPOINT, CHAIN.root));
      };
      assert.equal(codeWith(proof), 'verified');
      for (let length = 0; length < proof.length; length++) {
        assert.equal(codeWith(proof.slice(0, length)), 'receipt/finality-malformed');
      }
      for (const byte of [0, 0x20, 0xf6, 0xff]) {
        assert.equal(codeWith(concat(proof, Uint8Array.of(byte))), 'receipt/finality-malformed');
      }
    }
  });

  it('find one encoding of a proof and no leniency of the CBOR library', () => {
    const items = r.decodeCanonical(ONE.proof) ?? assert.fail('canonical');
    const codeWith = (bytes: Uint8Array) =>
      codeOf(r.verifyFinality({ ...ONE, proof: bytes }, CHECKPOINT, CHAIN.root));
    assert.equal(codeWith(encode(items)), 'verified');
    const at = ONE.proof.length - encode(items.slice(2)).length + 1; // of the count
    const splice = (from: number, to: number, ...bytes: number[]) =>
      concat(ONE.proof.slice(0, from), Uint8Array.from(bytes), ONE.proof.slice(to));
    assert.equal(ONE.proof[at], 3);
    const lenient = [
      splice(at, at + 1, 0x18, 3), // longer heads of 3
      splice(at, at + 1, 0x19, 0, 3),
      splice(at, at + 1, 0x1b, 0, 0, 0, 0, 0, 0, 0, 3),
      splice(at, at + 1, 0xf9, 0x42, 0), // 3.0
      splice(at, at + 1, 0xfb, 0x40, 0x08, 0, 0, 0, 0, 0, 0),
      splice(at, at + 1, 0xc2, 0x41, 3), // bignum 3
      splice(at, at + 1, 0x22), // −3
      splice(at, at + 1, 0xf5), // true
      splice(at, at + 1, 0xf7), // undefined
      splice(at, at + 1, 0x61, 0x33), // "3"
      splice(0, 1, 0x98, 7), // longer head of the array
      concat(splice(0, 1, 0x9f), Uint8Array.of(0xff)), // indefinite
      concat(Uint8Array.of(0xd9, 0xd9, 0xf7), ONE.proof), // self-described
      encode(new Map(items.map((item, i) => [i, item]))),
      encode([items]),
      encode([...items, null]),
      Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), // an array of 2^64 − 1
      Uint8Array.of(0x87, 0x5b, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      new Uint8Array(60_000).fill(0x81),
      new Uint8Array(60_000).fill(0xc1),
    ];
    for (const bytes of lenient) assert.equal(codeWith(bytes), 'receipt/finality-malformed');
    for (const [index, values] of [
      [2, [0, 2 ** 32, 2n ** 60n, null, 'x']],
      [3, [3, 2 ** 53 - 1, 2n ** 64n - 1n]],
      [4, [new Uint8Array(31), new Uint8Array(54 * 32), null]],
      [
        5,
        [
          null,
          [null],
          [[1]],
          [[0, CHECKPOINT.root]],
          [[2, CHECKPOINT.root]],
          [[1, 'x'.repeat(32)]],
        ],
      ],
      [
        5,
        [
          [
            [1, CHECKPOINT.root],
            [1, CHECKPOINT.root],
          ],
          [[1, CHECKPOINT.root, null]],
        ],
      ],
      [6, [new Uint8Array(3), Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 1), null, []]],
    ] as const) {
      for (const value of values) {
        assert.equal(codeWith(encode(items.with(index, value))), 'receipt/finality-malformed');
      }
    }
  });

  it('get a value and never an exception, whatever the bytes', () => {
    const readers: ((bytes: Uint8Array) => { readonly ok: true } | r.Refusal)[] = [
      r.decodeHeader,
      (bytes) => r.decodeCertificate(bytes, 4),
      (bytes) => r.decodeAnchorProof(bytes, 1),
      (bytes) => r.decodeAnchorProof(bytes, 2),
      r.decodeTransactionProof,
      (bytes) => r.verifyTransactionProof(bytes, CHAIN.root),
      (bytes) => r.verifyFinality({ kind: 'pos', scheme: 1, proof: bytes }, CHECKPOINT, CHAIN.root),
      (bytes) => r.verifyFinality({ kind: 'pos', scheme: 2, proof: bytes }, CHECKPOINT, CHAIN.root),
    ];
    const good = [
      CHAIN.headerBytes(3),
      CHAIN.certificate(3),
      ONE.proof,
      TWO.proof,
      r.encodeTransactionProof(CHAIN.transactionProof(3, 0)),
    ];
    const junk = fc.uint8Array({ maxLength: 40 });
    const item = fc.oneof(
      fc.nat(300),
      fc.bigInt(0n, 2n ** 64n - 1n),
      junk,
      fc.string(),
      fc.constant(null),
    );
    const list = fc.array(fc.oneof(item, fc.array(item, { maxLength: 3 })), { maxLength: 12 });
    const spliced = fc
      .tuple(fc.constantFrom(...good), fc.nat(), fc.nat(40), junk)
      .map(([bytes, at, cut, extra]) => {
        const from = at % bytes.length;
        return concat(bytes.slice(0, from), extra, bytes.slice(from + cut));
      });
    const bytes = fc.oneof(
      junk,
      list.map((value) => encode(value)),
      spliced,
    );
    fc.assert(
      fc.property(bytes, (input) => {
        for (const read of readers) codeOf(read(input));
      }),
      { numRuns: 2_000 },
    );
  });

  it('get one value for one encoding: what is read is written as the same bytes', () => {
    const u8 = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const header = fc.record({
      height: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      time: fc.nat(Number.MAX_SAFE_INTEGER),
      proposer: fc.nat(1_023),
      nextValidators: fc.option(u8(32), { nil: undefined }),
      hash: u8(32),
    });
    fc.assert(
      fc.property(header, fc.nat(), fc.nat(255), ({ hash, ...fields }, at, byte) => {
        const hashes = { validators: hash, transactions: hash, anchors: hash, state: hash };
        const value: r.BlockHeader = { ...fields, ...hashes, certificate: hash, history: hash };
        const encoded = r.encodeHeader(value);
        assert.deepEqual(unwrap(r.decodeHeader(encoded)), value);
        const changed = r.decodeHeader(encoded.with(at % encoded.length, byte));
        if (!changed.ok) return;
        assert.deepEqual(r.encodeHeader(changed.value), encoded.with(at % encoded.length, byte));
      }),
      { numRuns: 300 },
    );
    for (const bad of [
      { height: 0 },
      { time: -1 },
      { proposer: 1_024 },
      { state: new Uint8Array(31) },
    ]) {
      assert.throws(() => r.encodeHeader({ ...CHAIN.header(1), ...bad }), {
        code: 'receipt/bad-header',
      });
    }
    const proof = CHAIN.anchorProof(3, 1);
    for (const bad of [{ index: 3 }, { count: 0 }, { path: [new Uint8Array(31)] }]) {
      assert.throws(() => r.encodeAnchorProof({ ...proof, ...bad }), {
        code: 'receipt/finality-malformed',
      });
    }
    const signature = new Uint8Array(64);
    for (const indices of [[4], [1, 0], [0, 0]]) {
      const signatures = indices.map((index) => ({ index, signature }));
      assert.throws(() => r.encodeCertificate({ round: 0, signatures }, 4), {
        code: 'receipt/bad-certificate',
      });
    }
  });
});

/** A receipt of a log of 2^30 records with one replica, final in a block of four anchors. */
function largeReceipt(withSha256: boolean): { receipt: r.Receipt; root: r.TrustRoot } {
  const tree = r.treeHash('blake3');
  const own = { ...record(0), offset: 1_000_000_007, scarabId: 2n ** 62n };
  const leaf = tree.leaf(r.encodeLeafRecord(r.leafRecordOf(own)));
  const path = Array.from({ length: 30 }, (_, i) => new Uint8Array(32).fill(0xa0 + i));
  const size = 2 ** 30;
  const root = r.rootFromInclusion(tree, { index: own.offset, size, leaf, path });
  assert.ok(root);
  const second = new Uint8Array(32).fill(0xee);
  const body = r.formatCheckpointBody({
    origin: CHECKPOINT.origin,
    size,
    root,
    epoch: 4_000_000_000,
    time: 1790000001000,
    ...(withSha256 && { sha256Root: second }),
  });
  const anchor: r.AnchorLeaf = {
    origin: CHECKPOINT.origin,
    size,
    roots: [
      { alg: 'blake3', root },
      ...(withSha256 ? [{ alg: 'sha256', root: second } as const] : []),
    ],
    keyIds: [Uint8Array.from(Buffer.from(replica(0).key.keyId, 'hex'))],
  };
  const others = [1, 2, 3].map((i) => ({ ...anchor, size: i }));
  const voters = votersOf([1n, 1n, 1n, 1n]);
  const leaves = [anchor, ...others].map((one) => r.ANCHORS_TREE.leaf(r.encodeAnchorLeaf(one)));
  const header = r.encodeHeader({
    ...CHAIN.header(3),
    height: 2_000_000_000,
    anchors: r.ANCHORS_TREE.root(leaves),
  });
  const message = { height: 2_000_000_000, id: r.blockId(header) };
  const certificate = certify({ network: NETWORK, voters }, message);
  const place = { index: 0, count: 4, path: r.ANCHORS_TREE.path(leaves, 0) };
  const proof = {
    header,
    certificate,
    ...place,
    roots: anchor.roots.slice(1),
    keyIds: anchor.keyIds,
  };
  const receipt = {
    origin: CHECKPOINT.origin,
    record: own,
    inclusion: { size, path },
    checkpoint: signed(body, [replica(0)]),
    finality: [r.encodeAnchorProof(proof)],
  };
  return { receipt, root: trustRootFor(NETWORK, voters) };
}

describe('the size of a final receipt', () => {
  it('is below 2,048 bytes for four validators and 2^30 records (F10)', () => {
    for (const withSha256 of [false, true]) {
      const { receipt, root } = largeReceipt(withSha256);
      const cbor = r.encodeReceiptCbor(receipt);
      const trust = { policies: [policy(1, 1)], chains: [root] };
      const verdict = r.verifyReceipt(
        unwrap(r.decodeReceiptCbor(cbor)),
        receipt.record.digest,
        trust,
      );
      assert.ok(verdict.ok && verdict.level === 'final', codeOf(verdict));
      assert.ok(cbor.length < 2_048, `${cbor.length} bytes`);
    }
  });
});
