/** All of the way in one process: a record, its checkpoint, an anchor on the real chain, a receipt that verifies offline. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { silentLogger } from '../../../base/log.ts';
import {
  AccountSender,
  type AccountSenderDeps,
  type Chain,
  createAnchorChain,
  createFinalAnchors,
  createMempool,
  ensureRegistered,
  type Mempool,
  openChain,
  type Registration,
  startAnchoring,
} from '../../../chain/index.ts';
import {
  createCosigner,
  createMemoryReplicator,
  createMemorySignedStates,
} from '../../../consensus/index.ts';
import { openStateTree } from '../../../native/index.ts';
import { createNotary } from '../../../notary/index.ts';
import {
  decodeReceiptCbor,
  encodeReceiptCbor,
  type Receipt,
  trustRootOf,
  verifyReceipt,
} from '../../../receipt/index.ts';
import { createMemoryLogStore, openMemoryKeyValue } from '../../../storage/index.ts';
import {
  accountOf,
  CLUSTER,
  commit,
  GENESIS,
  GENESIS_DOCUMENT,
  NETWORK,
  nextRequest,
  signerOf,
  transfer,
} from '../../support/chain.ts';
import { partitionsOf } from '../../support/memory-notary.ts';
import { realClock as clock } from '../../support/real-clock.ts';

const SUBMITTER = 1;
const ORIGIN = `pyralog/${NETWORK}/${CLUSTER}/notary/0`;
const onBug = (bug: unknown) => assert.fail(bug instanceof Error ? bug.stack : String(bug));

/** A node of one: chain, mempool, log, notary. Blocks are made when something waits. */
async function openNode() {
  const kv = await openMemoryKeyValue();
  const tree = openStateTree();
  const { parameters } = GENESIS.chain;
  let pool: Mempool | undefined;
  const chain = await openChain({
    store: kv,
    tree,
    genesis: GENESIS,
    openMempool: (state) => {
      pool = createMempool({ clock, network: NETWORK, parameters, state, onBug });
      return pool;
    },
    verifyCertificate: () => true,
    log: silentLogger,
    onBug,
  });
  const store = createMemoryLogStore(partitionsOf(1, { origin: ORIGIN }));
  const cosigner = createCosigner(
    { logStore: store, states: createMemorySignedStates(), clock },
    { name: `pyralog/${NETWORK}/${CLUSTER}/node-0`, seed: new Uint8Array(32).fill(7) },
  );
  const replicator = createMemoryReplicator({ store, cosigner, clock }, { checkpointMsMin: 5 });
  const sending: AccountSenderDeps = {
    clock,
    network: NETWORK,
    parameters,
    signer: signerOf(SUBMITTER),
    reader: chain.reader,
    submit: (bytes) => chain.app.submit(bytes),
    onFinal: chain.onFinal,
  };
  const registration: Registration = {
    name: CLUSTER,
    policy: { keys: [cosigner.key], threshold: 1, faults: 0 },
    submitters: [accountOf(SUBMITTER)],
    deposit: 40_000n,
  };
  const lines: string[] = [];
  const note = (_: unknown, message: string) => lines.push(message);
  const log = { debug() {}, info: note, warn: note, error: note };
  const anchorChain = createAnchorChain({ ...sending, reader: chain.reader, log });
  const anchors = createFinalAnchors({ reader: chain.reader, onFinal: chain.onFinal });
  const feed = { replicator, checkpoints: replicator, logStore: store, clock };
  return {
    chain,
    pool: pool ?? assert.fail('a chain opens its mempool'),
    sender: new AccountSender(sending),
    registration,
    anchorChain,
    lines,
    notary: createNotary({ ...feed, anchors, onError: onBug }),
    anchorLogs: () =>
      startAnchoring(
        { clock, chain: anchorChain, feed: replicator, logStore: store, onBug },
        { intervalMs: 5, retryMs: 5 },
      ),
    trust: { policies: [], chains: [trustRootOf(GENESIS_DOCUMENT) ?? assert.fail()] },
    async close() {
      replicator.close();
      await chain.close();
      tree.close();
      await kv.close();
    },
  };
}

/** The engine of a chain of one. */
async function blocksUntil(chain: Chain, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (chain.app.hasPending()) await commit(chain, await chain.app.propose(nextRequest(chain)));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function withBlocks<T>(chain: Chain, work: Promise<T>): Promise<T> {
  let done = false;
  const finish = () => {
    done = true;
  };
  work.then(finish, finish);
  await blocksUntil(chain, () => done);
  return await work;
}

describe('final receipts over the real chain (A5 to A8, N8, F4, F5)', () => {
  type Node = Awaited<ReturnType<typeof openNode>>;
  let node: Node;
  let ends: (() => Promise<void> | void)[];
  beforeEach(async () => {
    node = await openNode();
    ends = [() => node.close(), () => node.notary.drain()];
  });
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
  });

  const digestOf = (text: string) => createHash('sha256').update(text).digest();

  async function submit(text: string): Promise<bigint> {
    const submission = { algorithm: 'sha256', digest: digestOf(text), submitter: '' } as const;
    const [outcome] = await node.notary.submit([submission], { waitFor: 'durable' });
    assert.ok(outcome?.ok);
    return outcome.submitted.id;
  }

  async function start(): Promise<void> {
    const { chain, sender, registration } = node;
    await withBlocks(chain, ensureRegistered(sender, chain.reader, registration));
    const anchoring = await node.anchorLogs();
    ends.push(
      () => sender.stop(),
      () => node.anchorChain.stop(),
      () => anchoring.stop(),
    );
  }

  function assertFinal(receipt: Receipt | undefined, text: string, scheme: number): void {
    assert.ok(receipt !== undefined);
    assert.equal(receipt.finality?.[0]?.scheme, scheme);
    const read = decodeReceiptCbor(encodeReceiptCbor(receipt));
    assert.ok(read.ok);
    const verdict = verifyReceipt(read.value, digestOf(text), node.trust);
    assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.code}: ${verdict.message}`);
    assert.equal(verdict.level, 'final');
    const changed = verifyReceipt(read.value, digestOf('other'), node.trust);
    assert.equal(changed.ok, false);
  }

  it('makes records final, by pull and by push, and verifies offline with the chain pinned', async () => {
    await start();
    const id = await submit('one');
    const { notary, chain } = node;
    const pushed = (async () => {
      for await (const each of notary.subscribeReceipts([id], new AbortController().signal)) {
        return each;
      }
      return undefined;
    })();
    const receipt = await withBlocks(chain, notary.receipt(id, { waitFor: 'final' }));
    assertFinal(receipt, 'one', 1);
    assert.deepEqual(await pushed, receipt);
    assert.equal(notary.status(id)?.level, 'final');
    const second = await submit('two');
    await withBlocks(chain, notary.receipt(second, { waitFor: 'final' }));
    assert.ok(receipt !== undefined);
    assertFinal(await notary.upgrade(receipt, { byHistory: true }), 'one', 2);
    assert.deepEqual(await notary.upgrade(receipt), receipt);
    assert.equal(node.anchorChain.figures().final, 2);
    assert.equal(node.pool.count, 0);
  });

  it('stays at the checkpoint while the cluster has no money, says so once, and goes on when funded', async () => {
    node = { ...node, registration: { ...node.registration, deposit: 10n } };
    await start();
    const id = await submit('one');
    const { notary, chain, anchorChain, lines } = node;
    await blocksUntil(chain, () => anchorChain.figures().refused > 3);
    assert.equal(anchorChain.figures().unfunded, 1);
    assert.equal(notary.status(id)?.level, 'checkpoint');
    const cluster = await chain.reader.cluster(CLUSTER);
    assert.ok(cluster !== undefined);
    const money = await transfer(2, 0, cluster.account, 1_000_000n);
    await chain.app.submit(money.bytes);
    assertFinal(await withBlocks(chain, notary.receipt(id, { waitFor: 'final' })), 'one', 1);
    assert.equal(anchorChain.figures().unfunded, 0);
    assert.deepEqual(
      lines.map((line) =>
        /cannot pay/.test(line) ? 'empty' : /again/.test(line) ? 'funded' : line,
      ),
      ['empty', 'funded'],
    );
  });

  it('compares a registration that is there, and says what differs (A8)', async () => {
    await start();
    const { sender, chain, registration } = node;
    const again = await ensureRegistered(sender, chain.reader, registration);
    assert.equal(again.threshold, 1);
    const [key] = registration.policy.keys;
    assert.ok(key !== undefined);
    const other = { ...key, publicKey: accountOf(3) };
    const cases: [Registration, RegExp][] = [
      [{ ...registration, policy: { ...registration.policy, keys: [other] } }, /keys/],
      [{ ...registration, policy: { ...registration.policy, threshold: 2 } }, /threshold \(1, 2\)/],
      [{ ...registration, submitters: [accountOf(4)] }, /submitters/],
    ];
    for (const [wanted, why] of cases) {
      await assert.rejects(ensureRegistered(sender, chain.reader, wanted), (error: Error) => {
        assert.match(error.message, why);
        return 'code' in error && error.code === 'chain/refused';
      });
    }
  });
});
