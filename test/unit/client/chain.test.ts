import assert from 'node:assert/strict';
import type * as api from '../../../api/index.ts';
import type * as chainTypes from '../../../chain/index.ts';
import { type Client, createClient, RpcError } from '../../../client/index.ts';
import type { RpcServer } from '../../../rpc/index.ts';
import { bytes32, FakeChain, idOf, refusal } from '../../support/fake-chain.ts';
import { ORIGIN } from '../../support/fake-notary.ts';
import { NETWORK, startFake } from '../../support/rpc-server.ts';
import { until } from '../../support/until.ts';

// The client's domain types are the chain's, declared twice: this compiles only while what the chain gives fits them.
type Fits<Given, Taken> = [Given] extends [Taken] ? true : never;
const fits: [
  Fits<chainTypes.TransactionStatus, api.TransactionStatus>,
  Fits<chainTypes.FinalBlock, api.FinalBlock>,
  Fits<chainTypes.AnchoredLog, api.AnchoredLog>,
  Fits<chainTypes.ChainParameters, api.ChainParameters>,
  Fits<chainTypes.FinalAnchor, api.FinalAnchor>,
  Fits<chainTypes.Cluster & { balance: bigint }, api.ClusterState>,
  Fits<chainTypes.Account & { nextNonce: bigint }, api.AccountState>,
] = [true, true, true, true, true, true, true];

const transaction = (seed: number) => Uint8Array.of(0x88, 1, seed);
const KEY = bytes32(3);

for (const kind of ['http', 'ws'] as const) {
  describe(`the client's chain over ${kind}`, () => {
    let server: RpcServer;
    let chain: FakeChain;
    let client: Client;
    beforeEach(async () => {
      chain = new FakeChain();
      const started = await startFake({}, { chain });
      server = started.server;
      client = createClient({ url: started[kind], retry: { attemptsMax: 1 } });
    });
    afterEach(async () => {
      await client.close();
      await server.stop(AbortSignal.abort());
    });
    const refusedAs = (code: string) => (error: unknown) =>
      error instanceof RpcError && error.code === code;

    it('reads in domain terms what the chain gave', async () => {
      assert.equal(await client.chain.head(), undefined);
      await assert.rejects(client.chain.block(), refusedAs('chain/not-found'));
      await chain.submitBatch([transaction(1)]);
      const sealed = chain.seal();
      assert.deepEqual(await client.chain.head(), chain.head());
      const block = await client.chain.block(1);
      const { certificate: _inside, ...header } = sealed.header;
      assert.deepEqual(block, { ...sealed, header });
      assert.deepEqual(await client.chain.block(), block);
      assert.deepEqual(await client.chain.parameters(), chain.parameters());
      assert.deepEqual(await client.chain.genesis(), {
        networkId: NETWORK,
        document: chain.genesis(),
      });
      const hex = Buffer.from(KEY).toString('hex');
      chain.accounts.set(hex, { nonce: 2n ** 60n, balance: 2n ** 63n - 1n });
      assert.deepEqual(await client.chain.account(KEY), {
        nonce: 2n ** 60n,
        balance: 2n ** 63n - 1n,
        nextNonce: 2n ** 60n,
      });
      const key = Uint8Array.of(0x61, ...KEY);
      assert.deepEqual(await client.chain.stateProof(key), {
        height: 1,
        value: Uint8Array.of(0x82),
        proof: Uint8Array.of(1),
      });
      assert.deepEqual(
        await client.chain.transactionProof(idOf(transaction(1))),
        Uint8Array.of(0x86),
      );
      const keys = [{ name: 'pyralog/n/eu/node-0', publicKey: bytes32(4) }];
      const cluster = { name: 'eu', account: KEY, keys, threshold: 1, faults: 0 };
      chain.clusters.set('eu', { ...cluster, submitters: [bytes32(5)] });
      assert.deepEqual(await client.chain.cluster('eu'), {
        ...cluster,
        submitters: [bytes32(5)],
        balance: 2n ** 63n - 1n,
      });
      const roots = [{ alg: 'sha256', root: bytes32(6) }] as const;
      const log = { origin: ORIGIN, size: 9, roots, height: 2, cutOffAt: undefined };
      chain.logs.set(ORIGIN, log);
      assert.deepEqual(await client.chain.log(ORIGIN), log);
      assert.equal((await client.chain.anchorStatus()).empty, false);
      assert.equal((await client.chain.consensusStatus()).validators[0]?.name, 'node-0');
      const anchor = { origin: ORIGIN, size: 8, note: 'note\n', height: 1, time: 5 };
      chain.pushAnchor(anchor);
      assert.deepEqual(await client.chain.anchorProof({ origin: ORIGIN, size: 2 }), {
        anchor,
        scheme: 1,
        proof: Uint8Array.of(0x87),
      });
      assert.equal(fits.length, 7);
    });

    it('submits and follows a transaction to its block', async () => {
      const { id, status } = await client.chain.submit(transaction(1));
      assert.deepEqual([id, status], [idOf(transaction(1)), { state: 'pending' }]);
      const final = client.chain.submit(transaction(1), { waitFor: 'final' });
      await until(() => chain.batches.length === 2);
      chain.seal();
      const place = { state: 'final', height: 1, index: 0, time: 1_790_000_000_001 };
      assert.deepEqual((await final).status, place);
      assert.deepEqual(await client.chain.transactionStatus(id), place);
      chain.refuse = (bytes) =>
        bytes[2] === 2 ? refusal('chain/bad-nonce', 'used', { expected: 4n }) : undefined;
      await assert.rejects(client.chain.submit(transaction(2)), (error) => {
        assert.ok(error instanceof RpcError);
        assert.deepEqual([error.code, error.data['expected']], ['chain/bad-nonce', '4']);
        return true;
      });
      const outcomes = await client.chain.submitBatch([transaction(2), transaction(3)]);
      assert.ok(outcomes[0]?.ok === false && outcomes[0].error.data.reason === 'chain/bad-nonce');
      assert.deepEqual(outcomes[1], { ok: true, id: idOf(transaction(3)) });
    });

    it('comes back when the node says so, and the transaction is taken once', async () => {
      let left = 2;
      chain.refuse = () =>
        left-- > 0 ? refusal('chain/mempool-full', 'full', { retryAfterMs: 1 }) : undefined;
      const patient = createClient({
        url: `http://127.0.0.1:${server.address.port}`,
        retry: { attemptsMax: 3, waitMsFirst: 1 },
      });
      const { status } = await patient.chain.submit(transaction(1));
      assert.deepEqual(status, { state: 'pending' });
      assert.equal(chain.batches.length, 3);
      await patient.close();
    });
  });
}

describe("the client's chain over ws alone", () => {
  let server: RpcServer;
  let chain: FakeChain;
  let client: Client;
  let notary: Awaited<ReturnType<typeof startFake>>['notary'];
  beforeEach(async () => {
    chain = new FakeChain();
    const started = await startFake({}, { chain });
    ({ server, notary } = started);
    client = createClient({ url: started.ws, retry: { attemptsMax: 1 } });
  });
  afterEach(async () => {
    await client.close();
    await server.stop(AbortSignal.abort());
  });

  it('sends packed transactions (R9)', async () => {
    chain.refuse = (bytes) => (bytes[2] === 2 ? refusal('chain/fee-too-low', 'low') : undefined);
    const outcomes = await client.chain.submitPacked([1, 2, 3].map(transaction));
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      ['taken', 'chain/fee-too-low', 'taken'],
    );
    assert.deepEqual(Uint8Array.from(outcomes[2]?.id ?? []), idOf(transaction(3)));
    await assert.rejects(client.chain.submitPacked([]), /1 to 4096/);
  });

  it('follows heads and anchors; leaving the loop ends the subscription', async () => {
    chain.seal();
    const heights: number[] = [];
    for await (const { height } of client.chain.subscribeHeads()) {
      heights.push(height);
      if (height === 3) break;
      chain.seal();
    }
    assert.deepEqual(heights, [1, 2, 3]);
    const stop = new AbortController();
    const sizes: number[] = [];
    chain.pushAnchor({ origin: ORIGIN, size: 4, note: 'note\n', height: 1, time: 5 });
    for await (const { size } of client.chain.subscribeAnchors(ORIGIN, { signal: stop.signal })) {
      sizes.push(size);
      if (size === 9) stop.abort();
      else chain.pushAnchor({ origin: ORIGIN, size: 9, note: 'note\n', height: 2, time: 6 });
    }
    assert.deepEqual(sizes, [4, 9]);
    await until(() => chain.feeds === 0);
  });

  it('gets every final receipt it named, then the end', async () => {
    notary.hasChain = true;
    const digests = Array.from({ length: 50 }, (_, i) => bytes32(i));
    const submissions = digests.map(
      (digest) => ({ algorithm: 'sha256', digest, submitter: '' }) as const,
    );
    await notary.submit(submissions, { waitFor: 'durable' });
    const ids = notary.records.map(({ id }) => id);
    const told: bigint[] = [];
    for await (const { record, finality } of client.subscribeFinal(ids)) {
      assert.equal(finality?.length, 1);
      told.push(record.scarabId);
    }
    assert.deepEqual(told, ids);
    const [id = 0n] = ids;
    assert.equal((await client.receipt(id, { waitFor: 'final' })).finality?.length, 1);
    await assert.rejects(async () => {
      for await (const _ of client.subscribeFinal([5n])) assert.fail('no such record');
    }, /no record 5/);
  });

  it('says that frames and feeds need a WebSocket', async () => {
    const http = createClient({ url: `http://127.0.0.1:${server.address.port}` });
    await assert.rejects(http.chain.submitPacked([transaction(1)]), /ws: or wss:/);
    await assert.rejects(async () => {
      for await (const _ of http.chain.subscribeHeads()) assert.fail('no feed over http');
    }, /ws: or wss:/);
    await http.close();
  });
});
