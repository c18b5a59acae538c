import { strict as assert } from 'node:assert';
import { accountKey, clusterKey, logKey, transactionId } from '../../../chain/index.ts';
import {
  decodeHeader,
  type FinalityProof,
  parseCheckpoint,
  trustRootOf,
  verifyFinality,
  verifyStateProof,
  verifyTransactionProof,
} from '../../../receipt/index.ts';
import {
  accountOf,
  CLUSTER,
  GENESIS_DOCUMENT,
  make,
  noteOf,
  ORIGIN,
  openTestChain,
  registration,
  type TestChain,
  transfer,
} from '../../support/chain.ts';
import { path, root, SHA256 } from '../../support/chain-machine.ts';

const TRUST = trustRootOf(GENESIS_DOCUMENT) ?? assert.fail('a chain');

const sizes = [3, 5, 9] as const;
const noteAt = (size: number) => noteOf({ size, root: root(size), sha256Root: root(size, SHA256) });

/** Anchors `size` records of two logs, so that a block has several anchors. */
async function anchors(from: number, size: number, nonce: number) {
  const second = `${ORIGIN.slice(0, -1)}1`;
  const paths = [path(from, size), path(from, size, SHA256)];
  const other = noteOf({ origin: second, size, root: root(size) });
  const bodies = [
    { kind: 'anchor', note: noteAt(size), from, paths } as const,
    { kind: 'anchor', note: other, from, paths: [path(from, size)] } as const,
  ];
  const made = await Promise.all(
    bodies.map((body, i) => make({ from: 1, nonce: BigInt(nonce + i), body })),
  );
  return made.map(({ bytes }) => bytes);
}

describe('proofs of the chain', () => {
  let chain: TestChain;
  before(async () => {
    chain = await openTestChain();
    await chain.step([(await make({ body: registration() })).bytes]);
    let from = 0;
    for (const [i, size] of sizes.entries()) {
      const pays = await transfer(2, i, accountOf(70));
      await chain.step([pays.bytes, ...(await anchors(from, size, 2 * i))], i);
      from = size;
    }
    for (let i = 0; i < 5; i++) await chain.step();
  });
  after(() => chain.end());

  function verified(found: { scheme: number; proof: Uint8Array } | undefined, size: number) {
    const checkpoint = parseCheckpoint(noteAt(size));
    assert.ok(found && checkpoint.ok);
    const proof: FinalityProof = { kind: 'pos', ...found };
    const verdict = verifyFinality(proof, checkpoint.value.checkpoint, TRUST);
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
    return verdict;
  }

  it('of an anchor verify with receipt/, under its own block and by history (F4, F5)', async () => {
    for (const [i, size] of sizes.entries()) {
      const anchored = await chain.reader.anchorProof(ORIGIN, size);
      assert.equal(anchored?.scheme, 1);
      const now = verified(anchored, size);
      const later = await chain.reader.anchorProof(ORIGIN, size, true);
      assert.equal(later?.scheme, 2);
      const then = verified(later, size);
      assert.equal(now.keyIds.length, 2);
      const final = await chain.reader.anchor(ORIGIN, size);
      assert.deepEqual([final?.height, final?.size, final?.note], [i + 2, size, noteAt(size)]);
      assert.deepEqual(now.keyIds, then.keyIds);
      const wrong = parseCheckpoint(noteAt(size + 1));
      assert.ok(wrong.ok && anchored);
      const proof: FinalityProof = { kind: 'pos', ...anchored };
      assert.equal(verifyFinality(proof, wrong.value.checkpoint, TRUST).ok, false);
    }
    assert.equal(await chain.reader.anchorProof(ORIGIN, 4), undefined);
    assert.equal(await chain.reader.anchorProof(`${ORIGIN}9`, 3), undefined);
  });

  it('by history of the newest block itself are of its own certificate', async () => {
    const own = await openTestChain();
    await own.step([(await make({ body: registration() })).bytes]);
    await own.step(await anchors(0, 3, 0));
    const newest = await own.reader.anchorProof(ORIGIN, 3, true);
    assert.equal(newest?.scheme, 1);
    verified(newest, 3);
    await own.end();
  });

  it('find the first anchor that covers a size', async () => {
    const sizeAt = async (size: number) => (await chain.reader.anchor(ORIGIN, size))?.size;
    assert.deepEqual(await Promise.all([0, 1, 3, 4, 5, 6, 9].map(sizeAt)), [3, 3, 3, 5, 5, 9, 9]);
    assert.equal(await sizeAt(10), undefined);
    assert.equal(await chain.reader.anchor(ORIGIN.slice(0, -1), 1), undefined);
    const log = await chain.reader.log(ORIGIN);
    assert.deepEqual([log?.size, log?.roots.length, log?.height], [9, 2, 4]);
    assert.equal((await chain.reader.cluster(CLUSTER))?.threshold, 2);
    assert.equal(await chain.reader.cluster('nobody'), undefined);
  });

  it('of a transaction verify with receipt/ (F7)', async () => {
    const block = (await chain.reader.block(3)) ?? assert.fail();
    assert.equal(block.transactions.length, 3);
    assert.equal(block.header.height, 3);
    for (const [index, bytes] of block.transactions.entries()) {
      const id = transactionId(bytes);
      const proof = (await chain.reader.transactionProof(id)) ?? assert.fail();
      const verdict = verifyTransactionProof(proof, TRUST);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
      assert.deepEqual(Uint8Array.from(verdict.transaction), Uint8Array.from(bytes));
      const { time } = block.header;
      assert.deepEqual(await chain.reader.transaction(id), {
        state: 'final',
        height: 3,
        index,
        time,
      });
    }
    const unknown = new Uint8Array(32);
    assert.equal(await chain.reader.transactionProof(unknown), undefined);
    assert.deepEqual(await chain.reader.transaction(unknown), { state: 'unknown' });
    assert.equal(await chain.reader.block(99), undefined);
  });

  it('of the state verify with receipt/ under the newest header, for what is there and what is not', async () => {
    const head = await chain.reader.block(chain.reader.head()?.height ?? 0);
    const header = decodeHeader(head?.headerBytes ?? new Uint8Array());
    assert.ok(header.ok);
    const keys = [
      accountKey(accountOf(1)),
      clusterKey(CLUSTER),
      logKey(ORIGIN),
      accountKey(accountOf(99)),
      logKey('x'),
    ];
    for (const [i, key] of keys.entries()) {
      const { height, value, proof } = await chain.reader.stateProof(key);
      assert.equal(height, header.value.height);
      assert.equal(value !== undefined, i < 3);
      const verdict = verifyStateProof(header.value.state, key, value, proof);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
      const lie = value === undefined ? new Uint8Array(1) : undefined;
      assert.equal(verifyStateProof(header.value.state, key, lie, proof).ok, false);
    }
  });

  it('of the state stay true while blocks become final', async () => {
    const own = await openTestChain();
    const key = accountKey(accountOf(80));
    const seen = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const stepping = own.step([(await transfer(0, i, accountOf(80))).bytes]);
      const asked: ReturnType<typeof own.reader.stateProof>[] = [];
      for (let turn = 0; turn < 20; turn++) {
        asked.push(own.reader.stateProof(key));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await stepping;
      for (const { height, value, proof } of await Promise.all(asked)) {
        const state = (await own.reader.block(height))?.header.state;
        seen.add(height);
        assert.ok(state === undefined || verifyStateProof(state, key, value, proof).ok);
      }
    }
    assert.ok(seen.size >= 9);
    await own.end();
  });
});
