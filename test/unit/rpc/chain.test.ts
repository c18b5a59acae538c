import assert from 'node:assert/strict';
import {
  decodeAnswerFrame,
  encodeTransactionFrame,
  FRAME_TRANSACTIONS_MAX,
  methodNames,
  methods,
} from '../../../api/index.ts';
import type { NetworkActions, RpcDependencies, RpcServer } from '../../../rpc/index.ts';
import { bytes32, FakeChain, idOf, refusal } from '../../support/fake-chain.ts';
import { ORIGIN } from '../../support/fake-notary.ts';
import { dial, post, type Reply, request, startFake, TOKEN } from '../../support/rpc-server.ts';
import { until } from '../../support/until.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const transaction = (seed: number) => Uint8Array.of(0x88, 1, seed & 255, seed >> 8);
const KEY = '3c'.repeat(32);
const NOTE: string = methods.log_checkpoint.example.result.note;

describe('the methods of the chain', () => {
  const servers: RpcServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const start = async (overrides: Partial<RpcDependencies> = {}, options = {}) => {
    const chain = new FakeChain();
    const started = await startFake(options, { chain, ...overrides });
    servers.push(started.server);
    const ask = async (method: string, params: unknown = {}): Promise<Reply> =>
      (await post(started.http, request(method, params))).json() as Promise<Reply>;
    return { ...started, chain, ask };
  };

  it('answer chain/no-chain on a node without one (R12)', async () => {
    const { http, server } = await startFake();
    servers.push(server);
    const served = methodNames.filter(
      (name) =>
        /^(chain|anchor|consensus)_|^net_(peers|status)/.test(name) &&
        methods[name].listener === 'public',
    );
    assert.ok(served.length >= 17, `${served.length} methods`);
    for (const method of served) {
      const { error } = (await (
        await post(http, request(method, methods[method].example.params))
      ).json()) as Reply;
      assert.equal(error?.data['reason'], 'chain/no-chain', method);
      assert.match(error?.message ?? '', /pyralog join/);
      assert.equal(error?.data['retryable'], false);
    }
  });

  it('read blocks, transactions and their proofs', async () => {
    const { chain, ask } = await start();
    assert.deepEqual((await ask('chain_head')).result, { height: '0' });
    assert.equal((await ask('chain_block')).error?.data['reason'], 'chain/not-found');
    await chain.submitBatch([transaction(1), transaction(2)]);
    const id = hex(idOf(transaction(2)));
    assert.deepEqual((await ask('chain_transactionStatus', { id })).result, { state: 'pending' });
    assert.equal((await ask('chain_transaction', { id })).error?.data['reason'], 'chain/not-found');
    assert.equal(
      (await ask('chain_transactionProof', { id })).error?.data['reason'],
      'chain/not-found',
    );
    chain.seal();
    const time = '1790000000001';
    const place = { height: '1', index: '1', time };
    assert.deepEqual((await ask('chain_head')).result, { height: '1', id: '01'.repeat(32), time });
    assert.deepEqual((await ask('chain_transactionStatus', { id })).result, {
      state: 'final',
      ...place,
    });
    const bytes = hex(transaction(2));
    assert.deepEqual((await ask('chain_transaction', { id })).result, {
      id,
      transaction: bytes,
      ...place,
    });
    assert.deepEqual((await ask('chain_transactionProof', { id })).result, { proof: '86' });
    const newest = (await ask('chain_block')).result as Record<string, unknown>;
    assert.deepEqual(newest, (await ask('chain_block', { height: '1' })).result);
    assert.deepEqual(newest['transactions'], [hex(transaction(1)), bytes]);
    assert.equal(newest['stateRoot'], '09'.repeat(32));
    const beyond = await ask('chain_block', { height: '2' });
    assert.match(beyond.error?.message ?? '', /height 2; the newest has 1/);
  });

  it('read accounts, clusters, logs and the state', async () => {
    const { chain, ask } = await start();
    assert.deepEqual((await ask('chain_account', { key: KEY })).result, {
      nonce: '0',
      balance: '0',
      nextNonce: '0',
    });
    chain.accounts.set(KEY, { nonce: 3n, balance: 2n ** 63n - 1n });
    await chain.submitBatch([transaction(1)]);
    assert.deepEqual((await ask('chain_account', { key: KEY })).result, {
      nonce: '3',
      balance: '9223372036854775807',
      nextNonce: '4',
    });
    const absent = await ask('chain_stateProof', { key: `61${'00'.repeat(32)}` });
    assert.deepEqual(absent.result, { height: '0', proof: '01' });
    const there = await ask('chain_stateProof', { key: `61${KEY}` });
    assert.deepEqual(there.result, { height: '0', value: '82', proof: '01' });

    assert.equal(
      (await ask('chain_cluster', { name: 'eu' })).error?.data['reason'],
      'chain/not-found',
    );
    const account = Buffer.from(KEY, 'hex');
    const keys = [{ name: 'pyralog/n/eu/node-0', publicKey: bytes32(4) }];
    const cluster = { name: 'eu', account, keys, threshold: 1, faults: 0 };
    chain.clusters.set('eu', { ...cluster, submitters: [bytes32(5)] });
    assert.deepEqual((await ask('chain_cluster', { name: 'eu' })).result, {
      ...cluster,
      account: KEY,
      balance: '9223372036854775807',
      keys: [{ name: 'pyralog/n/eu/node-0', publicKey: '04'.repeat(32) }],
      submitters: ['05'.repeat(32)],
    });

    assert.equal(
      (await ask('chain_log', { origin: ORIGIN })).error?.data['reason'],
      'chain/not-found',
    );
    const roots = [{ alg: 'blake3', root: bytes32(6) }] as const;
    chain.logs.set(ORIGIN, { origin: ORIGIN, size: 9, roots, height: 2, cutOffAt: 3 });
    assert.deepEqual((await ask('chain_log', { origin: ORIGIN })).result, {
      origin: ORIGIN,
      size: '9',
      roots: [{ alg: 'blake3', root: '06'.repeat(32) }],
      height: '2',
      cutOffAt: '3',
    });
  });

  it('give parameters, genesis, agreement, peers and anchors', async () => {
    const { chain, ask } = await start();
    assert.deepEqual(
      (await ask('chain_parameters')).result,
      methods.chain_parameters.example.result,
    );
    assert.deepEqual((await ask('chain_genesis')).result, {
      networkId: 'devnet-00112233aabbccdd',
      document: '{"pyralog":"genesis"}\n',
    });
    const status = (await ask('consensus_status')).result as Record<string, unknown>;
    const validators = [
      { name: 'node-0', key: '01'.repeat(32), power: (2n ** 59n).toString(), self: true },
    ];
    assert.deepEqual(status['validators'], validators);
    assert.equal(status['role'], 'validator');
    assert.deepEqual((await ask('consensus_validators')).result, { height: '1', validators });
    assert.deepEqual((await ask('net_peers')).result, methods.net_peers.example.result);
    assert.deepEqual((await ask('net_status')).result, {
      id: '12D3KooWSelf',
      addresses: ['/ip4/127.0.0.1/tcp/1'],
      peers: 1,
      banned: 0,
    });
    chain.empty = true;
    assert.deepEqual((await ask('anchor_status')).result, {
      cluster: 'local',
      empty: true,
      logs: [{ origin: 'pyralog/x/y/z/0', durable: '5', size: '0' }],
    });
    const none = await ask('anchor_proof', { origin: ORIGIN, size: '1' });
    assert.match(none.error?.message ?? '', /covers 1 records/);
    const anchor = { origin: ORIGIN, size: 8, note: NOTE, height: 2, time: 5 };
    chain.pushAnchor(anchor);
    const wire = { ...anchor, size: '8', height: '2', time: '5' };
    assert.deepEqual((await ask('anchor_proof', { origin: ORIGIN, size: '3' })).result, {
      anchor: wire,
      scheme: 1,
      proof: '87',
    });
    const later = await ask('anchor_proof', { origin: ORIGIN, size: '8', byHistory: true });
    assert.deepEqual(later.result, { anchor: wire, scheme: 2, proof: '87' });
  });

  it('refuse malformed params by their field', async () => {
    const { ask } = await start();
    const bad: [method: string, params: object, message: RegExp][] = [
      ['chain_submitTransaction', { transaction: 'XY' }, /transaction/],
      ['chain_submitTransaction', { transaction: 'abc' }, /transaction/],
      ['chain_submitTransaction', { transaction: '' }, /transaction/],
      ['chain_submitTransaction', { transaction: '00'.repeat(65_537) }, /transaction/],
      ['chain_submitTransaction', { transaction: '00', waitFor: 'durable' }, /pending,final/],
      ['chain_submitTransactions', { transactions: [] }, /transactions/],
      ['chain_submitTransactions', { transactions: Array(1_001).fill('00') }, /transactions/],
      ['chain_transactionStatus', { id: 'ab' }, /id/],
      ['chain_account', { key: KEY.toUpperCase() }, /key/],
      ['chain_block', { height: '01' }, /height/],
      ['chain_block', { height: '18446744073709551615' }, /below 2\^53/],
      ['chain_cluster', { name: '' }, /name/],
      ['anchor_proof', { origin: ORIGIN, size: '-1' }, /size/],
      ['chain_head', { extra: 1 }, /extra is not a known field/],
      ['notary_subscribeFinal', { ids: ['1'] }, /WebSocket/],
    ];
    for (const [method, params, message] of bad) {
      const { error, result } = await ask(method, params);
      assert.ok(error !== undefined, `${method} ${JSON.stringify(result)}`);
      assert.match(error.message, message, method);
    }
  });
});

describe('submitting transactions', () => {
  const servers: RpcServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const start = async (options = {}) => {
    const chain = new FakeChain();
    const started = await startFake(options, { chain });
    servers.push(started.server);
    const ask = async (method: string, params: unknown = {}): Promise<Reply> =>
      (await post(started.http, request(method, params))).json() as Promise<Reply>;
    return { ...started, chain, ask };
  };
  const one = { transaction: hex(transaction(1)) };
  const id = hex(idOf(transaction(1)));

  it('answers with the id once the mempool has it', async () => {
    const { ask } = await start();
    const { result } = await ask('chain_submitTransaction', one);
    assert.deepEqual(result, { id, status: { state: 'pending' } });
  });

  it('waits for the block, or says what is known when time is up (R11)', async () => {
    const { ask, chain } = await start();
    const early = await ask('chain_submitTransaction', { ...one, waitFor: 'final', timeoutMs: 1 });
    assert.deepEqual(early.result, { id, status: { state: 'pending' } });
    const waiting = ask('chain_submitTransaction', { ...one, waitFor: 'final' });
    const asking = ask('chain_transactionStatus', { id, waitFor: 'final' });
    await until(() => chain.batches.length === 2);
    chain.seal();
    const status = { state: 'final', height: '1', index: '0', time: '1790000000001' };
    assert.deepEqual((await waiting).result, { id, status });
    assert.deepEqual((await asking).result, status);
  });

  it('bounds the calls that wait for a block: one more hears what is known (R11)', async () => {
    const { ws, chain } = await start({ limits: { callsInFlightMax: 10_000 } });
    let waiting = 0;
    const settled = chain.settled.bind(chain);
    chain.settled = (id, signal) => {
      waiting++;
      return settled(id, signal);
    };
    const { send, reply, socket } = await dial(ws);
    await chain.submitBatch([transaction(1)]);
    for (let i = 0; i <= 8_192; i++) {
      send(request('chain_transactionStatus', { id, waitFor: 'final' }, i));
    }
    const first = await reply();
    assert.deepEqual([first.id, first.result], [8_192, { state: 'pending' }]);
    assert.equal(waiting, 8_192);
    chain.seal();
    const next = await reply();
    assert.deepEqual([next.id, (next.result as { state: string }).state], [0, 'final']);
    socket.terminate();
  });

  it('tells why a transaction was dropped', async () => {
    const { ask, chain } = await start();
    const waiting = ask('chain_submitTransaction', { ...one, waitFor: 'final' });
    await until(() => chain.batches.length === 1);
    chain.drop(transaction(1), 'chain/expired', 'until 5 has passed');
    const { status } = (await waiting).result as { status: unknown };
    assert.deepEqual(status, {
      state: 'dropped',
      code: 'chain/expired',
      reason: 'until 5 has passed',
    });
  });

  it('hands on every refusal with its reason and its numbers (R3)', async () => {
    const { ask, chain } = await start();
    const refusals = [
      refusal('chain/malformed', 'not CBOR'),
      refusal('chain/bad-signature', 'not the sender’s'),
      refusal('chain/bad-nonce', 'nonce 3 was used; the next is 4', { expected: 4n }),
      refusal('chain/insufficient-balance', 'has 1, needs 5', { balance: 1n, needed: 5n }),
      refusal('chain/fee-too-low', 'at least 3000', { minimum: 3_000n }),
      refusal('chain/expired', 'until 5 has passed'),
      refusal('chain/refused', 'the name is taken', { rule: 'X6' }),
      refusal('chain/mempool-full', 'full', { retryAfterMs: 700 }),
      refusal('chain/stopped', 'stopping'),
    ];
    for (const each of refusals) {
      chain.refuse = () => each;
      const { error } = await ask('chain_submitTransaction', one);
      assert.equal(error?.data['reason'], each.code);
      for (const [name, value] of Object.entries(each.data)) {
        const expected = typeof value === 'bigint' ? `${value}` : value;
        assert.equal(error?.data[name], expected, each.code);
      }
    }
    chain.refuse = () => refusals[7];
    const full = await ask('chain_submitTransaction', one);
    assert.equal(full.error?.data['retryable'], true);
    assert.equal(full.error?.data['retryAfterMs'], 700);
  });

  it('gives each transaction of a list its own outcome, in order', async () => {
    const { ask, chain } = await start();
    chain.refuse = (bytes) =>
      bytes[2] === 2 ? refusal('chain/bad-nonce', 'used', { expected: 4n }) : undefined;
    const transactions = [1, 2, 3].map((seed) => hex(transaction(seed)));
    const { result } = await ask('chain_submitTransactions', { transactions });
    const { results } = result as { results: { id?: string; error?: { data: object } }[] };
    assert.deepEqual(
      results.map((item) => item.id),
      [id, undefined, hex(idOf(transaction(3)))],
    );
    assert.deepEqual(results[1]?.error?.data, {
      reason: 'chain/bad-nonce',
      retryable: false,
      expected: '4',
    });
  });

  it('gathers what arrives together and hands it over in order (R10)', async () => {
    const { ws, chain } = await start();
    const { send, reply, socket } = await dial(ws);
    const seen: string[] = [];
    chain.refuse = (bytes) => {
      seen.push(hex(bytes));
      return undefined;
    };
    const sent = Array.from({ length: 600 }, (_, i) => hex(transaction(i)));
    for (const [i, text] of sent.entries()) {
      send(request('chain_submitTransaction', { transaction: text }, i));
    }
    for (let i = 0; i < sent.length; i++) assert.equal((await reply()).error, undefined);
    assert.deepEqual(seen, sent);
    assert.ok(chain.batches.length < sent.length / 4, `${chain.batches.length} batches`);
    assert.ok(chain.batches.every((size) => size <= 512));
    socket.terminate();
  });

  it('bounds what waits, tells when to come back, and takes again afterwards (R10)', async () => {
    const options = { submissions: { transactionsMax: 3, batchesMax: 1 } };
    const { ask, chain, http } = await start(options);
    const gate = Promise.withResolvers<void>();
    chain.gate = gate.promise;
    const waiting = ask('chain_submitTransactions', {
      transactions: [1, 2, 3].map((seed) => hex(transaction(seed))),
    });
    await until(() => chain.batches.length === 1);
    const { error } = await ask('chain_submitTransaction', { transaction: hex(transaction(4)) });
    assert.equal(error?.data['reason'], 'rpc/overloaded');
    assert.equal(error?.data['retryable'], true);
    assert.ok(Number(error?.data['retryAfterMs']) >= 50);
    const metrics = await (await fetch(`${http}metrics`)).text();
    assert.match(metrics, /^pyralog_rpc_transactions_waiting_total 3$/m);
    assert.match(metrics, /^pyralog_rpc_transactions_overloaded_total 1$/m);
    gate.resolve();
    assert.equal((await waiting).error, undefined);
    assert.ok((await ask('chain_submitTransaction', one)).result !== undefined);
    assert.deepEqual(chain.batches, [3, 1]);
  });

  it('bounds the bytes that wait', async () => {
    const { ask, chain } = await start({ submissions: { bytesMax: 6 } });
    const gate = Promise.withResolvers<void>();
    chain.gate = gate.promise;
    const waiting = ask('chain_submitTransaction', one);
    await until(() => chain.batches.length === 1);
    const { error } = await ask('chain_submitTransaction', { transaction: hex(transaction(2)) });
    assert.equal(error?.data['reason'], 'rpc/overloaded');
    gate.resolve();
    assert.equal((await waiting).error, undefined);
  });

  it('says so when the chain does not answer, and keeps its place taken', async () => {
    const { ask, chain } = await start({ submissions: { transactionsMax: 1, answerMsMax: 5 } });
    const gate = Promise.withResolvers<void>();
    chain.gate = gate.promise;
    const { error } = await ask('chain_submitTransaction', one);
    assert.equal(error?.data['reason'], 'rpc/timed-out');
    assert.equal(error?.data['retryable'], true);
    const next = await ask('chain_submitTransaction', one);
    assert.equal(next.error?.data['reason'], 'rpc/overloaded');
    gate.resolve();
    let again = next;
    while (again.error !== undefined) again = await ask('chain_submitTransaction', one);
    assert.ok(again.result !== undefined);
  });

  it('answers rpc/internal when the chain breaks its word, and logs why', async () => {
    const { ask, chain, logged } = await start();
    chain.submitBatch = async () => [];
    const { error } = await ask('chain_submitTransaction', one);
    assert.equal(error?.data['reason'], 'rpc/internal');
    assert.equal(logged.length, 1);
  });
});

describe('frames of transactions (R9)', () => {
  const servers: RpcServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const start = async (chain: FakeChain | undefined) => {
    const { server, ws } = await startFake({}, chain === undefined ? {} : { chain });
    servers.push(server);
    const { send, next, socket } = await dial(ws);
    const exchange = async (frame: Uint8Array) => {
      send(frame);
      return decodeAnswerFrame(new Uint8Array((await next()) as Buffer));
    };
    return { exchange, close: () => socket.terminate() };
  };

  it('answer each transaction with its code and id', async () => {
    const chain = new FakeChain();
    chain.refuse = (bytes) =>
      bytes[2] === 2 ? refusal('chain/mempool-full', 'full', { retryAfterMs: 900 }) : undefined;
    const { exchange, close } = await start(chain);
    const transactions = [1, 2, 3].map(transaction);
    const answer = await exchange(encodeTransactionFrame({ requestId: 7, transactions }));
    assert.ok(answer.kind === 'transaction-outcomes', answer.kind);
    assert.equal(answer.requestId, 7);
    assert.deepEqual(
      answer.outcomes.map(({ code, retryAfterMs, id }) => [code, retryAfterMs, hex(id)]),
      [
        ['taken', 0, hex(idOf(transaction(1)))],
        ['chain/mempool-full', 900, '00'.repeat(32)],
        ['taken', 0, hex(idOf(transaction(3)))],
      ],
    );
    close();
  });

  it('are refused whole without a chain, or when they are no frame', async () => {
    const { exchange, close } = await start(undefined);
    const frame = encodeTransactionFrame({ requestId: 9, transactions: [transaction(1)] });
    const answer = await exchange(frame);
    assert.ok(answer.kind === 'error');
    assert.equal(answer.error.data.reason, 'chain/no-chain');
    const bad: [change: (bytes: Uint8Array) => Uint8Array, message: RegExp][] = [
      [(bytes) => bytes.subarray(0, 8), /shorter than its header/],
      [(bytes) => bytes.subarray(0, -1), /transaction 0 is cut short/],
      [(bytes) => Buffer.concat([bytes, Buffer.of(1)]), /1 bytes behind the last/],
      [(bytes) => bytes.with(2, 1), /reserved/],
      [(bytes) => bytes.with(8, 0), /count is 0/],
      [(bytes) => bytes.with(9, 0xff), /count is 65281/],
      [(bytes) => bytes.with(15, 1), /a length that none has/],
    ];
    for (const [change, message] of bad) {
      const refused = await exchange(change(Uint8Array.from(frame)));
      assert.ok(refused.kind === 'error');
      assert.equal(refused.error.data.reason, 'rpc/bad-frame');
      assert.match(refused.error.message, message);
    }
    close();
  });

  it('have bounds that the encoder keeps, too', () => {
    const many = Array(FRAME_TRANSACTIONS_MAX + 1).fill(transaction(1));
    for (const transactions of [[], many, [new Uint8Array(0)], [new Uint8Array(65_537)]]) {
      assert.throws(() => encodeTransactionFrame({ requestId: 1, transactions }), RangeError);
    }
  });
});

describe('subscriptions to what becomes final', () => {
  const servers: RpcServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const start = async () => {
    const chain = new FakeChain();
    const started = await startFake({}, { chain });
    servers.push(started.server);
    return { ...started, chain, peer: await dial(started.ws) };
  };

  it('tell of heads and of anchors until they are ended', async () => {
    const { chain, peer } = await start();
    chain.seal();
    peer.send(request('chain_subscribeHeads', {}));
    const subscription = (await peer.reply()).result;
    const first = (await peer.reply()) as Reply & { method?: string };
    assert.equal(first.method, 'chain_subscription');
    assert.deepEqual(first.params, {
      subscription,
      result: { height: '1', id: '01'.repeat(32), time: '1790000000001' },
    });
    peer.send(request('anchor_subscribe', { origin: ORIGIN }));
    const second = (await peer.reply()).result;
    assert.notEqual(second, subscription);
    chain.pushAnchor({ origin: ORIGIN, size: 4, note: NOTE, height: 1, time: 5 });
    const told = (await peer.reply()) as Reply & { method?: string };
    assert.equal(told.method, 'anchor_subscription');
    assert.equal(told.params?.result?.size, '4');
    await until(() => chain.feeds === 2);
    for (const open of [subscription, second]) {
      peer.send(request('notary_unsubscribe', { subscription: open }));
      assert.equal((await peer.reply()).result, true);
    }
    await until(() => chain.feeds === 0);
    peer.socket.terminate();
  });

  it('watch no log that nobody has', async () => {
    const { chain, peer } = await start();
    peer.send(request('anchor_subscribe', { origin: 'pyralog/x/y/z/0' }));
    assert.equal((await peer.reply()).error?.data['reason'], 'chain/not-found');
    const log = { origin: 'pyralog/x/y/z/0', size: 1, roots: [], height: 1, cutOffAt: undefined };
    chain.logs.set(log.origin, log);
    peer.send(request('anchor_subscribe', { origin: log.origin }));
    assert.equal((await peer.reply()).result, '1');
    peer.socket.terminate();
    await until(() => chain.feeds === 0);
  });

  it('end when the caller goes', async () => {
    const { chain, peer } = await start();
    peer.send(request('chain_subscribeHeads', {}));
    await peer.reply();
    await until(() => chain.feeds === 1);
    peer.socket.terminate();
    await until(() => chain.feeds === 0);
  });

  it('push each receipt that was named, then end (R13)', async () => {
    const { notary, peer } = await start();
    notary.hasChain = true;
    const submission = { algorithm: 'sha256', digest: bytes32(1), submitter: '' } as const;
    await notary.submit([submission], { waitFor: 'durable' });
    const id = notary.records[0]?.id.toString();
    peer.send(request('notary_subscribeFinal', { ids: [id] }));
    await peer.reply();
    const { params } = (await peer.reply()) as { params?: { result?: { finality?: unknown[] } } };
    assert.equal(params?.result?.finality?.length, 1);
    const last = (await peer.reply()) as { params?: { ended?: boolean } };
    assert.equal(last.params?.ended, true);
    peer.send(request('notary_subscribeFinal', { ids: ['5'] }));
    await peer.reply();
    const failed = (await peer.reply()) as { params?: { error?: { data: { reason: string } } } };
    assert.equal(failed.params?.error?.data.reason, 'notary/not-found');
    peer.socket.terminate();
  });
});

describe('receipts at final', () => {
  it('are waited for, and refused by a node that is on no chain', async () => {
    const { server, http, notary } = await startFake();
    const ask = async (method: string, params: unknown): Promise<Reply> =>
      (await post(http, request(method, params))).json() as Promise<Reply>;
    const submission = { algorithm: 'sha256', digest: bytes32(1), submitter: '' } as const;
    await notary.submit([submission], { waitFor: 'durable' });
    const id = notary.records[0]?.id.toString();
    const { result: receipt } = await ask('notary_receipt', { id });
    const wait = { waitFor: 'final' };
    const none = await ask('notary_upgradeReceipt', { receipt, ...wait });
    assert.equal(none.error?.data['reason'], 'chain/no-chain');
    notary.hasChain = true;
    for (const [method, params] of [
      ['notary_receipt', { id }],
      ['notary_upgradeReceipt', { receipt }],
    ] as const) {
      const { result } = await ask(method, { ...params, ...wait });
      assert.equal((result as { finality: unknown[] }).finality.length, 1, method);
    }
    const gate = Promise.withResolvers<void>();
    notary.gate = gate.promise;
    const late = await ask('notary_upgradeReceipt', { receipt, ...wait, timeoutMs: 1 });
    assert.equal(late.error?.data['reason'], 'notary/outcome-unknown');
    await server.stop(AbortSignal.abort());
  });
});

describe('the operator’s methods on the network (R7)', () => {
  const calls: unknown[] = [];
  const network: NetworkActions = {
    async fault(order) {
      calls.push(order);
      return { partitions: [{ peer: '*', direction: 'in' }], delayMs: 0, jitterMs: 0, dropRate: 0 };
    },
    async ban(peer, seconds) {
      calls.push({ peer, seconds });
    },
    unban: async (peer) => peer === 'banned',
  };
  const admin = {
    stats: () => ({}),
    shutdown: () => {},
    setLogLevel: () => {},
    status: async () => ({
      name: 'node-0',
      networkId: 'devnet-00112233aabbccdd',
      version: '0.1.0',
      uptimeSeconds: 12.5,
      rssBytes: 94_371_840,
      records: 1,
      height: 7,
      headTime: 1_790_000_000_000,
      finalitySeconds: 0.031,
      role: 'validator' as const,
      peers: 3,
      mempool: 0,
      anchored: 1,
      warnings: [],
    }),
  };
  const start = async (given: NetworkActions | undefined) => {
    const actions = given === undefined ? admin : { ...admin, network: given };
    const { server, http } = await startFake(
      { adminPort: 0, adminToken: TOKEN },
      { admin: actions },
    );
    const url = `http://127.0.0.1:${server.adminAddress?.port}/`;
    const ask = async (method: string, params: unknown = {}): Promise<Reply> => {
      const response = await post(url, request(method, params), {
        authorization: `Bearer ${TOKEN}`,
      });
      return response.json() as Promise<Reply>;
    };
    return { server, http, ask };
  };

  it('order faults and bans, and are unknown in public', async () => {
    const { server, http, ask } = await start(network);
    assert.deepEqual(
      (await ask('net_fault', { action: 'partition', peers: ['*'] })).result,
      methods.net_fault.example.result,
    );
    await ask('net_fault', { action: 'partition', peers: ['a'], directions: ['in'] });
    await ask('net_fault', { action: 'heal' });
    await ask('net_fault', { action: 'heal', peers: ['a'] });
    await ask('net_fault', { action: 'delay', delayMs: 20 });
    await ask('net_fault', { action: 'drop', rate: 0.3 });
    await ask('net_fault', { action: 'clear' });
    assert.deepEqual((await ask('net_ban', { peer: 'b' })).result, { banned: true });
    assert.deepEqual(calls, [
      { action: 'partition', peers: ['*'], directions: ['in', 'out'] },
      { action: 'partition', peers: ['a'], directions: ['in'] },
      { action: 'heal' },
      { action: 'heal', peers: ['a'] },
      { action: 'delay', delayMs: 20, jitterMs: 0 },
      { action: 'drop', rate: 0.3 },
      { action: 'clear' },
      { peer: 'b', seconds: 3_600 },
    ]);
    assert.deepEqual((await ask('net_unban', { peer: 'banned' })).result, { unbanned: true });
    assert.deepEqual((await ask('net_unban', { peer: 'other' })).result, { unbanned: false });
    for (const [params, field] of [
      [{ action: 'partition' }, /needs peers/],
      [{ action: 'delay' }, /needs delayMs/],
      [{ action: 'drop' }, /needs rate/],
      [{ action: 'drop', rate: 2 }, /rate/],
      [{ action: 'explode' }, /action/],
    ] as const) {
      const { error } = await ask('net_fault', params);
      assert.equal(error?.code, -32602);
      assert.match(error?.message ?? '', field);
    }
    assert.deepEqual((await ask('node_status')).result, methods.node_status.example.result);
    for (const method of ['net_fault', 'net_ban', 'net_unban', 'node_status']) {
      const { error } = (await (await post(http, request(method, {}))).json()) as Reply;
      assert.equal(error?.data['reason'], 'rpc/method-not-found', method);
    }
    await server.stop(AbortSignal.abort());
  });

  it('answer chain/no-chain without a network', async () => {
    const { server, ask } = await start(undefined);
    for (const [method, params] of [
      ['net_fault', { action: 'show' }],
      ['net_ban', { peer: 'a' }],
      ['net_unban', { peer: 'a' }],
    ] as const) {
      assert.equal((await ask(method, params)).error?.data['reason'], 'chain/no-chain', method);
    }
    await server.stop(AbortSignal.abort());
  });
});
