import { strict as assert } from 'node:assert';
import { silentLogger } from '../../../base/log.ts';
import {
  type Chain,
  clusterAccount,
  createMempool,
  openChain,
  type TransactionBody,
} from '../../../chain/index.ts';
import { openStateTree } from '../../../native/index.ts';
import { verifyCertificate } from '../../../receipt/index.ts';
import { openMemoryKeyValue } from '../../../storage/index.ts';
import {
  accountOf,
  CLUSTER,
  certify,
  feeAccountOf,
  GENESIS,
  make,
  NETWORK,
  nextRequest,
  ORIGIN,
  registration,
} from '../../support/chain.ts';
import { anchorOf } from '../../support/chain-machine.ts';
import { realClock } from '../../support/real-clock.ts';

/** Numbers from a seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A node with a real mempool. */
async function openNode() {
  const [store, tree] = [await openMemoryKeyValue(), openStateTree()];
  const onBug = (bug: unknown) => assert.fail(String(bug));
  const chain = await openChain({
    store,
    tree,
    openMempool: (state) =>
      createMempool({
        clock: realClock,
        state,
        network: NETWORK,
        parameters: GENESIS.chain.parameters,
        onBug,
      }),
    genesis: GENESIS,
    verifyCertificate: ({ height, id }, validators, bytes) =>
      verifyCertificate({ network: NETWORK, height, id, validators }, bytes).ok,
    log: silentLogger,
    onBug,
  });
  const close = async () => {
    await chain.close();
    tree.close();
    await store.close();
  };
  return { chain, close };
}

const WHAT = ['transfer', 'transfer', 'notarize', 'anchor', 'register'] as const;

/** Something a client might send: mostly good, some of it not. */
async function anything(chain: Chain, pick: (below: number) => number): Promise<Uint8Array> {
  const what = WHAT[pick(WHAT.length)] ?? 'transfer';
  const from = what === 'anchor' ? 1 : pick(12);
  const size = (await chain.reader.log(ORIGIN))?.size ?? 0;
  const bodies: Record<typeof what, () => TransactionBody> = {
    transfer: () => ({
      kind: 'transfer',
      to: accountOf(pick(20)),
      amount: BigInt(pick(1_000_000)),
    }),
    notarize: () => ({
      kind: 'notarize',
      multihash: Uint8Array.of(0x1e, 32, ...new Uint8Array(32)),
    }),
    anchor: () => anchorOf(size, Math.min(20, size + 1 + pick(3))),
    register: () => registration({ submitters: [accountOf(1)], deposit: 5_000_000n }),
  };
  const nonce = await chain.reader.nextNonce(accountOf(from));
  const fee = BigInt(10_000 + pick(50_000));
  return (
    await make({ from, nonce: nonce + BigInt(pick(20) === 0 ? 1 : 0), fee, body: bodies[what]() })
  ).bytes;
}

/** Each node hears of some transactions, and the builder of all. */
async function spread(
  chains: readonly Chain[],
  proposer: number,
  pick: (below: number) => number,
): Promise<void> {
  const builder = chains[proposer] ?? assert.fail();
  for (let i = pick(12); i > 0; i--) {
    const bytes = await anything(builder, pick);
    for (const chain of chains) {
      if (chain === builder || pick(2) === 0) await chain.mempool.add([bytes]);
    }
  }
}

/** A block of this proposer becomes final on all. */
async function decide(chains: readonly Chain[], proposer: number): Promise<void> {
  const builder = chains[proposer] ?? assert.fail();
  const block = await builder.app.propose(nextRequest(builder, proposer));
  const evidence = { scheme: 'pos', bytes: certify(block.height, block.id) };
  for (const chain of chains) {
    const verdict = await chain.app.validate(block.bytes);
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
    await chain.app.commit(block.id, evidence);
  }
}

describe('the chain on several nodes (X13)', () => {
  for (const seed of [1, 2, 3]) {
    it(`has one history, whatever waits where (seed ${seed})`, async () => {
      const pick = random(seed);
      const nodes = await Promise.all([openNode(), openNode(), openNode()]);
      const chains = nodes.map(({ chain }) => chain);
      const everyone = [...Array(20).keys()]
        .map(accountOf)
        .concat([0, 1, 2].map(feeAccountOf), clusterAccount(CLUSTER));
      for (let height = 1; height <= 15; height++) {
        const proposer = pick(chains.length);
        await spread(chains, proposer, pick);
        await decide(chains, proposer);
        const heads = chains.map((chain) => JSON.stringify(chain.reader.head()));
        assert.equal(new Set(heads).size, 1);
      }
      const [one] = chains;
      assert.ok(one !== undefined && one.figures().executedTransactions > 30);
      const balances = await Promise.all(everyone.map((key) => one.reader.account(key)));
      assert.equal(
        balances.reduce((sum, { balance }) => sum + balance, 0n),
        10_000_000_000n,
      );
      await Promise.all(nodes.map(({ close }) => close()));
    });
  }

  it('takes transactions through the engine’s door, and refuses them by code', async () => {
    const { chain, close } = await openNode();
    let told = 0;
    chain.app.onPending(() => told++);
    assert.equal(chain.app.hasPending(), false);
    const good = await make({ body: { kind: 'transfer', to: accountOf(1), amount: 1n } });
    await chain.app.submit(good.bytes);
    await chain.app.submit(good.bytes);
    assert.equal(chain.app.hasPending(), true);
    assert.equal(told, 1);
    assert.equal(await chain.reader.nextNonce(accountOf(0)), 1n);
    await assert.rejects(chain.app.submit(new Uint8Array(3)), { code: 'chain/malformed' });
    const foreign = await make({ from: 1, body: good.transaction.body }, 'devnet-0011223344556677');
    await assert.rejects(chain.app.submit(foreign.bytes), { code: 'chain/bad-signature' });
    const gap = await make({ nonce: 5n, body: good.transaction.body });
    await chain.app.submit(gap.bytes);
    const block = await chain.app.propose(nextRequest(chain));
    await chain.app.commit(block.id, { scheme: 'pos', bytes: certify(1, block.id) });
    assert.equal(chain.app.hasPending(), false, 'what waits behind a gap cannot stand in a block');
    assert.deepEqual(await chain.reader.transaction(gap.id), { state: 'pending' });
    await close();
    await assert.rejects(chain.app.submit(good.bytes), { code: 'chain/stopped' });
  });
});
