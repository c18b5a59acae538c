import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { PyralogError } from '../../../base/errors.ts';
import { openStateTree } from '../../../native/index.ts';
import {
  type KeyValue,
  type KeyValueOp,
  openLevelKeyValue,
  openMemoryKeyValue,
} from '../../../storage/index.ts';
import {
  accountOf,
  commit,
  GENESIS,
  make,
  nextRequest,
  noteOf,
  ORIGIN,
  openTestChain,
  registration,
  type TestChain,
  transfer,
} from '../../support/chain.ts';
import { root } from '../../support/chain-machine.ts';
import { tempDir } from '../../support/temp-dir.ts';

const NOT_EMPTY = 3;

/** A chain of three blocks: a transfer, a cluster, an anchor. */
async function grow(chain: TestChain): Promise<void> {
  await chain.step([(await transfer(0, 0, accountOf(60), 5n)).bytes]);
  await chain.step([(await make({ nonce: 1n, body: registration() })).bytes]);
  const note = noteOf({ size: 4, root: root(4) });
  const body = { kind: 'anchor', note, from: 0, paths: [[]] } as const;
  await chain.step([(await make({ from: 1, body })).bytes]);
}

/** Everything in a store, as text. */
async function dump(kv: KeyValue): Promise<Map<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>();
  for await (const [key, value] of kv.range({})) {
    entries.set(Buffer.from(key).toString('latin1'), value);
  }
  return entries;
}

async function copyOf(entries: ReadonlyMap<string, Uint8Array>): Promise<KeyValue> {
  const kv = await openMemoryKeyValue();
  await kv.batch(
    [...entries].map(([key, value]) => ({ kind: 'put', key: Buffer.from(key, 'latin1'), value })),
  );
  return kv;
}

/** A store whose next batch does what a test says. */
function faulty(kv: KeyValue, batch: (ops: readonly KeyValueOp[]) => Promise<void>): KeyValue {
  return {
    get: (key) => kv.get(key),
    getMany: (keys) => kv.getMany(keys),
    range: (range) => kv.range(range),
    snapshot: () => kv.snapshot(),
    close: () => kv.close(),
    batch,
  };
}

async function refusesToOpen(kv: KeyValue, reason: RegExp): Promise<void> {
  const tree = openStateTree();
  await assert.rejects(openTestChain({ store: kv, tree }), (error) => {
    assert.ok(error instanceof PyralogError, String(error));
    assert.equal(error.code, 'chain/store-damaged');
    assert.match(error.message, reason);
    return true;
  });
  tree.close();
}

describe('the chain on disk (X21)', () => {
  const dir = tempDir();

  it('is there again after a restart, and goes on', async () => {
    const place = join(dir(), 'chain');
    const before = await openTestChain({ store: await openLevelKeyValue(place) });
    await grow(before);
    const head = before.app.head();
    const blocks = await Promise.all([1, 2, 3].map((height) => before.app.block(height)));
    await before.end();
    const after = await openTestChain({ store: await openLevelKeyValue(place) });
    assert.deepEqual(after.app.head(), head);
    assert.deepEqual(await Promise.all([1, 2, 3].map((height) => after.app.block(height))), blocks);
    assert.equal((await after.reader.account(accountOf(60))).balance, 5n);
    assert.equal((await after.reader.log(ORIGIN))?.size, 4);
    assert.equal((await after.reader.anchor(ORIGIN, 2))?.height, 3);
    await after.step([(await transfer(0, 2, accountOf(60))).bytes]);
    assert.equal(after.app.head()?.height, 4);
    assert.equal(await after.app.block(5), undefined);
    assert.equal(await after.app.block(0), undefined);
    await after.end();
  });

  it('replays on another node from its blocks to the same store, byte for byte (X13, X22)', async () => {
    const [chain, late] = [await openTestChain(), await openTestChain()];
    await grow(chain);
    for (let height = 1; height <= 3; height++) {
      const block = (await chain.app.block(height)) ?? assert.fail();
      const verdict = await late.app.validate(block.bytes);
      assert.ok(verdict.ok);
      await late.app.commit(verdict.block.id, block.evidence);
    }
    assert.deepEqual(await dump(late.kv), await dump(chain.kv));
    await chain.end();
    await late.end();
  });

  it('keeps nothing of a block whose write failed, and says why', async () => {
    const kv = await openMemoryKeyValue();
    let full = false;
    const chain = await openTestChain({
      store: faulty(kv, (ops) => {
        const error = new PyralogError('storage/disk-full', 'no space left on the disk');
        return full ? Promise.reject(error) : kv.batch(ops);
      }),
    });
    await chain.step([(await transfer(0, 0, accountOf(60), 5n)).bytes]);
    const before = await dump(kv);
    const head = chain.app.head();
    chain.pool.put((await transfer(0, 1, accountOf(60), 7n)).bytes);
    const block = await chain.app.propose(nextRequest(chain));
    full = true;
    await assert.rejects(commit(chain, block), { code: 'storage/disk-full', message: /no space/ });
    assert.deepEqual(await dump(kv), before);
    assert.deepEqual(chain.app.head(), head);
    assert.equal((await chain.reader.account(accountOf(60))).balance, 5n);
    assert.equal(chain.pool.count, 1);
    full = false;
    await commit(chain, block);
    assert.equal((await chain.reader.account(accountOf(60))).balance, 12n);
    await chain.end();
  });

  it('holds a block or does not, wherever a crash strikes; half a write is noticed', async () => {
    const kv = await openMemoryKeyValue();
    let written: readonly KeyValueOp[] = [];
    const chain = await openTestChain({
      store: faulty(kv, async (ops) => {
        written = ops;
        await kv.batch(ops);
      }),
    });
    await chain.step([(await transfer(0, 0, accountOf(60), 5n)).bytes]);
    const before = await dump(kv);
    await chain.step([
      (await transfer(1, 0, accountOf(61), 5n)).bytes,
      (await make({ nonce: 1n, body: registration() })).bytes,
    ]);
    const after = await dump(kv);
    await chain.end();
    assert.ok(written.length > 8);
    for (const [entries, height] of [
      [before, 1],
      [after, 2],
    ] as const) {
      const again = await openTestChain({ store: await copyOf(entries) });
      assert.equal(again.app.head()?.height, height);
      await again.end();
    }
    let refused = 0;
    for (let count = 1; count < written.length; count++) {
      const torn = await copyOf(before);
      await torn.batch(written.slice(0, count));
      const tree = openStateTree();
      const opened = await openTestChain({ store: torn, tree }).catch((error: PyralogError) => {
        assert.equal(error.code, 'chain/store-damaged');
        refused++;
        tree.close();
      });
      // A body or evidence beyond the head is nothing yet.
      assert.equal(opened?.app.head()?.height ?? 1, 1);
      if (opened !== undefined) await opened.end();
    }
    assert.ok(refused >= written.length - NOT_EMPTY, `${refused} of ${written.length - 1} refused`);
  });

  it('is refused when anything in it was changed or lost', async () => {
    const chain = await openTestChain();
    await grow(chain);
    const good = await dump(chain.kv);
    await chain.end();
    const at = (letter: string, height: number) =>
      `${letter}\0\0\0\0\0\0\0${String.fromCharCode(height)}`;
    const cases: [(entries: Map<string, Uint8Array>) => void, RegExp][] = [
      [(e) => e.delete('mhead'), /which block is the newest/],
      [(e) => e.set('mhead', Buffer.from([1])), /head/],
      [(e) => e.delete('mformat'), /not a store of a chain/],
      [(e) => e.set('mformat', Buffer.from([0x82, 2, 0x61, 0x61])), /version 2/],
      [(e) => e.set('mformat', Buffer.from([0x82, 1, 0x61, 0x61])), /of network a;/],
      [(e) => e.delete(at('b', 3)), /block 3, the newest, is missing/],
      [(e) => e.set(at('b', 3), e.get(at('b', 2)) ?? assert.fail()), /another block/],
      [(e) => e.set(at('b', 3), new Uint8Array(9)), /block 3: block/],
      [(e) => e.delete(at('e', 3)), /evidence of height 3 is missing/],
      [(e) => e.delete(at('i', 2)), /missing behind height 1/],
      [(e) => e.delete(at('i', 3)), /2 ids of headers for 3/],
      [(e) => e.set(at('i', 1), new Uint8Array(32)), /newest header commits/],
      [(e) => e.set(at('i', 1), new Uint8Array(31)), /id of height 1/],
      [(e) => e.set('sa-stranger', new Uint8Array(3)), /root of height 3/],
    ];
    for (const [damage, reason] of cases) {
      const entries = new Map(good);
      damage(entries);
      await refusesToOpen(await copyOf(entries), reason);
    }
    for (const key of [...good.keys()].filter((key) => key.startsWith('s'))) {
      const lost = new Map(good);
      lost.delete(key);
      await refusesToOpen(await copyOf(lost), /root of height 3/);
      const changed = new Map(good);
      const value = Uint8Array.from(good.get(key) ?? []);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      changed.set(key, value);
      await refusesToOpen(await copyOf(changed), /root of height 3/);
    }
  });

  it('begins with the accounts of genesis (X15), and is no other chain’s', async () => {
    const chain = await openTestChain();
    assert.equal(chain.app.head(), undefined);
    assert.equal(chain.reader.head(), undefined);
    assert.equal((await chain.reader.account(accountOf(9))).balance, 1_000_000_000n);
    const entries = await dump(chain.kv);
    await chain.end();
    const again = await openTestChain({ store: await copyOf(entries) });
    await again.step();
    await again.end();
    const tree = openStateTree();
    const foreign = { ...GENESIS, network: 'devnet-0011223344556677' };
    const store = await copyOf(entries);
    await assert.rejects(openTestChain({ store, tree, genesis: foreign }), {
      code: 'chain/store-damaged',
      message: /of network devnet-/,
    });
    tree.close();
    const poorer = new Map(entries);
    poorer.delete([...entries.keys()].find((key) => key.startsWith('s')) ?? '');
    await refusesToOpen(await copyOf(poorer), /root of height 0/);
  });
});
