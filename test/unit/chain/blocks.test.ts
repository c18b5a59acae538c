import { strict as assert } from 'node:assert';
import {
  type BlockParts,
  decodeBlock,
  encodeBlock,
  encodeTransaction,
  transactionId,
} from '../../../chain/index.ts';
import {
  type BlockHeader,
  certificateHash,
  decodeHeader,
  encodeHeader,
} from '../../../receipt/index.ts';
import {
  accountOf,
  certify,
  commit,
  GENESIS,
  make,
  nextRequest,
  noteOf,
  openTestChain,
  registration,
  type TestChain,
  transfer,
  unsigned,
} from '../../support/chain.ts';
import { root, treeOf } from '../../support/chain-machine.ts';

interface Changes {
  readonly header?: Partial<BlockHeader>;
  readonly certificate?: Uint8Array;
  readonly transactions?: readonly Uint8Array[];
}

/** A block with something changed; the header commits to the changed body unless it is changed itself. */
function changed(bytes: Uint8Array, { header = {}, ...body }: Changes): Uint8Array {
  const decoded = decodeBlock(bytes);
  assert.ok(decoded.ok);
  const parts: BlockParts = { ...decoded.value, ...body };
  const old = decodeHeader(parts.header);
  assert.ok(old.ok);
  const bound = {
    transactions: treeOf('transactions', parts.transactions),
    certificate: certificateHash(parts.certificate),
  };
  return encodeBlock({ ...parts, header: encodeHeader({ ...old.value, ...bound, ...header }) });
}

const other = new Uint8Array(32).fill(1);

describe('blocks from elsewhere (X12)', () => {
  let chain: TestChain;
  /** A good block of height 3, not yet committed. */
  let good: Uint8Array;
  beforeEach(async () => {
    chain = await openTestChain();
    await chain.step([(await transfer(0, 0, accountOf(1))).bytes]);
    const body = registration();
    await chain.step([(await make({ nonce: 1n, body })).bytes]);
    for (const nonce of [2, 3]) chain.pool.put((await transfer(0, nonce, accountOf(60))).bytes);
    const anchor = noteOf({ size: 4, root: root(4) });
    chain.pool.put(
      (await make({ from: 1, body: { kind: 'anchor', note: anchor, from: 0, paths: [[]] } })).bytes,
    );
    good = (await chain.app.propose(nextRequest(chain, 1))).bytes;
    const decoded = decodeBlock(good);
    assert.ok(decoded.ok && decoded.value.transactions.length === 3);
  });
  afterEach(() => chain.end());

  async function refused(bytes: Uint8Array, reason: RegExp, blames: boolean): Promise<void> {
    const versions = chain.tree.stats().versions;
    const verdict = await chain.app.validate(bytes);
    assert.ok(!verdict.ok, `taken, where ${reason} was expected`);
    assert.match(verdict.reason, reason);
    assert.equal(verdict.id !== undefined, blames, `${verdict.reason}: whose fault`);
    assert.equal(chain.tree.stats().versions, versions, 'what is refused leaves no state behind');
  }

  it('are taken when they are good, twice too, and become final', async () => {
    for (let i = 0; i < 2; i++) assert.ok((await chain.app.validate(good)).ok);
    const verdict = await chain.app.validate(changed(good, {}));
    assert.ok(verdict.ok);
    assert.deepEqual([verdict.block.height, verdict.proposer], [3, 1]);
    await commit(chain, verdict.block);
    assert.equal((await chain.reader.account(accountOf(60))).balance, 2n);
  });

  it('are refused for what their header says of the chain', async () => {
    const cases: [Partial<BlockHeader>, RegExp][] = [
      [{ height: 2 }, /height is 2, the next one here is 3/],
      [{ height: 4 }, /height is 4/],
      [{ time: chain.reader.head()?.time ?? 0 }, /not after its parent/],
      [{ proposer: 4 }, /validator 4 is not one of 4/],
      [{ proposer: 2 }, /another state/],
      [{ validators: other }, /other validators/],
      [{ nextValidators: other }, /next validators/],
      [{ anchors: other }, /other anchors/],
      [{ state: other }, /another state/],
      [{ history: other }, /another history/],
    ];
    for (const [header, reason] of cases) await refused(changed(good, { header }), reason, true);
  });

  it('whose body is not what the header commits to are nobody known’s fault', async () => {
    await refused(changed(good, { header: { transactions: other } }), /other transactions/, false);
    await refused(changed(good, { header: { certificate: other } }), /another certificate/, false);
  });

  it('are refused without a certificate of the parent, which is verified once', async () => {
    const head = chain.app.head() ?? assert.fail();
    assert.equal(chain.certified.count, 0, 'the engine made the head final with this one');
    const wrong = [
      new Uint8Array(0),
      certify(head.height, other),
      certify(head.height + 1, head.id),
      new Uint8Array(99),
    ];
    for (const certificate of wrong) {
      const bytes = changed(good, { certificate });
      await refused(bytes, /does not certify block 2/, true);
      await refused(bytes, /does not certify block 2/, true);
    }
    assert.equal(chain.certified.count, wrong.length);
  });

  it('are refused for any transaction that is malformed, forged, or does not apply', async () => {
    const decoded = decodeBlock(good);
    assert.ok(decoded.ok);
    const [a, b, c] = decoded.value.transactions;
    assert.ok(a && b && c);
    const fresh = await transfer(5, 0, accountOf(61));
    const signature = Uint8Array.from(fresh.transaction.signature);
    signature[3] = (signature[3] ?? 0) ^ 1;
    const forged = encodeTransaction({ ...fresh.transaction, signature });
    const foreign = await make(
      { from: 5, body: { kind: 'transfer', to: other, amount: 1n } },
      'devnet-0011223344556677',
    );
    const late = await make({
      from: 5,
      until: 2,
      body: { kind: 'transfer', to: other, amount: 1n },
    });
    const cheap = await make({
      from: 5,
      fee: 1n,
      body: { kind: 'transfer', to: other, amount: 1n },
    });
    const poor = await transfer(40, 0, accountOf(1));
    const cases: [readonly Uint8Array[], RegExp][] = [
      [[a, new Uint8Array([1, 2, 3])], /transaction 1: .*X1/],
      [[a, new Uint8Array(65_537)], /65537/],
      [[a, b, c, forged], /transaction 3: the signature/],
      [[foreign.bytes], /transaction 0: the signature/],
      [[b, a, c], /transaction 0 does not apply: .*nonce/],
      [[a, a], /transaction 1 does not apply: .*nonce/],
      [[a, b, c, c], /transaction 3 does not apply/],
      [[late.bytes], /transaction 0 does not apply: .*height 2/],
      [[cheap.bytes], /transaction 0 does not apply: the fee is 1/],
      [[poor.bytes], /transaction 0 does not apply: the payer has 0/],
      [[a, b], /other anchors/],
      [[a, c], /another state/],
    ];
    for (const [transactions, reason] of cases) {
      await refused(changed(good, { transactions }), reason, true);
    }
  });

  it('never throw for garbage, cut or changed bytes', async () => {
    const max = GENESIS.chain.parameters.blockBytesMax;
    for (const bytes of [new Uint8Array(0), new Uint8Array(200_000).fill(0x81), good.subarray(1)]) {
      await refused(bytes, /block: .*X11/, false);
    }
    await refused(new Uint8Array(max + 1), /more than 1048576/, false);
    for (let at = 0; at < good.length; at += 3) {
      const bytes = Uint8Array.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      const verdict = await chain.app.validate(bytes);
      // Some bytes of the header are free: another time or proposer may even be good.
      if (verdict.ok) assert.notDeepEqual(bytes, good);
    }
    assert.ok((await chain.app.validate(good)).ok);
  });

  it('live side by side at one height, and all but one are released', async () => {
    const later = changed(good, { header: { time: 1_790_000_009_999 } });
    const empty = await openTestChain();
    await empty.end();
    const verdicts = [await chain.app.validate(good), await chain.app.validate(later)];
    const [first, second] = verdicts;
    assert.ok(first?.ok && second?.ok);
    assert.notDeepEqual(first.block.id, second.block.id);
    assert.ok(chain.tree.stats().versions >= 3);
    await commit(chain, second.block);
    assert.equal(chain.tree.stats().versions, 1);
    assert.equal(chain.reader.head()?.time, 1_790_000_009_999);
    await assert.rejects(
      chain.app.commit(first.block.id, { scheme: 'pos', bytes: other }),
      /invariant/,
    );
  });

  it('keep at most so many candidates, the newest', async () => {
    const small = await openTestChain({}, { candidatesMax: 2 });
    const ids: Uint8Array[] = [];
    for (const i of [0, 1, 2]) {
      ids.push(
        (await small.app.propose({ ...nextRequest(small), time: GENESIS.time + 50 + i })).id,
      );
    }
    assert.equal(small.tree.stats().versions, 3);
    await assert.rejects(commit(small, { height: 1, id: ids[0] ?? other }), /invariant/);
    await commit(small, { height: 1, id: ids[1] ?? other });
    await small.end();
  });

  it('of the first height carry no certificate and are later than genesis', async () => {
    const fresh = await openTestChain();
    const first = (await fresh.app.propose(nextRequest(fresh))).bytes;
    const verdict = async (changes: Changes) => {
      const judged = await fresh.app.validate(changed(first, changes));
      return judged.ok ? 'taken' : judged.reason;
    };
    assert.equal(await verdict({}), 'taken');
    assert.match(await verdict({ certificate: new Uint8Array(1) }), /does not certify/);
    assert.match(await verdict({ header: { time: GENESIS.time } }), /not after/);
    await fresh.end();
  });
});

describe('proposals', () => {
  let chain: TestChain;
  beforeEach(async () => {
    chain = await openTestChain();
  });
  afterEach(() => chain.end());

  it('leave out what does not apply, tell why, and keep what waits behind a gap', async () => {
    const poor = await transfer(40, 0, accountOf(1));
    const gap = await transfer(2, 5, accountOf(1));
    const fine = await transfer(3, 0, accountOf(1));
    const stale = await make({ from: 4, until: 0, fee: 1n, body: fine.transaction.body });
    await chain.step([poor.bytes, gap.bytes, fine.bytes, stale.bytes]);
    assert.deepEqual(
      chain.pool.dropped.map(({ id, code }) => [Buffer.from(id).toString('hex'), code]),
      [
        [Buffer.from(poor.id).toString('hex'), 'chain/insufficient-balance'],
        [Buffer.from(stale.id).toString('hex'), 'chain/fee-too-low'],
      ],
    );
    assert.equal(chain.pool.count, 1);
    assert.deepEqual(await chain.reader.transaction(gap.id), { state: 'pending' });
    const [settled] = chain.pool.settled;
    const touched = settled?.touched.map((key) => Buffer.from(key).toString('hex')) ?? [];
    assert.ok(touched.includes(Buffer.from(accountOf(3)).toString('hex')));
    assert.deepEqual(chain.figures(), {
      height: 1,
      mempoolTransactions: 1,
      mempoolBytes: gap.bytes.length,
      executedTransactions: 1,
      refusedTransactions: 2,
    });
  });

  it('are raised above the time of the parent, and never beyond the size of a block (X11)', async () => {
    await chain.step();
    const early = await chain.app.propose({ ...nextRequest(chain), time: 5 });
    assert.equal(early.time, (chain.reader.head()?.time ?? 0) + 1);
    const note = 'x'.repeat(60_000);
    for (const from of [3, 4, 5, 6, 7, 8]) {
      for (const nonce of [0n, 1n, 2n]) {
        const body = { kind: 'evidence', notes: [note, ''] } as const;
        chain.pool.put((await make({ from, nonce, body })).bytes);
      }
    }
    for (let i = 0; i < 100; i++) chain.pool.put((await transfer(0, i, accountOf(1))).bytes);
    const block = await chain.app.propose(nextRequest(chain));
    assert.ok(block.bytes.length < GENESIS.chain.parameters.blockBytesMax);
    const decoded = decodeBlock(block.bytes);
    assert.equal(decoded.ok && decoded.value.transactions.length, 100);
    assert.equal(chain.pool.dropped.length, 6, 'a megabyte of rubbish gives its room to the rest');
  });

  it('stop where the block is full', async () => {
    const body = (i: number) =>
      ({
        kind: 'notarize',
        multihash: Uint8Array.of(0x1e, 32, ...new Uint8Array(32).fill(i)),
      }) as const;
    for (let i = 0; i < 7_500; i++) {
      const one = { from: i % 10, nonce: BigInt(Math.floor(i / 10)), body: body(i % 256) };
      chain.pool.put(unsigned(one));
    }
    const block = await chain.app.propose(nextRequest(chain));
    const max = GENESIS.chain.parameters.blockBytesMax;
    assert.ok(
      block.bytes.length <= max && block.bytes.length > max - 1_000,
      `${block.bytes.length}`,
    );
    assert.ok((await chain.app.validate(block.bytes)).ok);
  });

  it('take signatures of the mempool as checked, and check all others', async () => {
    const fresh = await transfer(5, 0, accountOf(61));
    const forged = encodeTransaction({
      ...fresh.transaction,
      signature: new Uint8Array(64).fill(1),
    });
    chain.pool.put(forged);
    const { bytes } = await chain.app.propose(nextRequest(chain));
    assert.ok((await chain.app.validate(bytes)).ok, 'it is in the mempool here');
    chain.pool.drop(transactionId(forged), 'chain/expired', '');
    const verdict = await chain.app.validate(bytes);
    assert.match(verdict.ok ? '' : verdict.reason, /signature/);
  });

  it('are told to listeners once they are durable, and a listener that throws stops nobody', async () => {
    const bugs: unknown[] = [];
    const own = await openTestChain({ onBug: (bug) => bugs.push(bug) });
    const heights: number[] = [];
    own.onFinal(() => {
      throw new Error('of a listener');
    });
    const end = own.onFinal(({ height, transactions, anchors }) => {
      heights.push(height);
      assert.deepEqual(
        [transactions.length, anchors.length, own.reader.head()?.height],
        [1, 0, height],
      );
    });
    await own.step([(await transfer(0, 0, accountOf(1))).bytes]);
    await own.step([(await transfer(0, 1, accountOf(1))).bytes]);
    end();
    await own.step();
    assert.deepEqual(heights, [1, 2]);
    assert.equal(bugs.length, 3);
    await own.end();
    await assert.rejects(own.app.propose(nextRequest(own)), { code: 'chain/stopped' });
  });
});
