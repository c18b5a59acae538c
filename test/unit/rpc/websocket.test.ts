import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { decodeAnswerFrame, encodeDigestFrame, outcomeAt } from '../../../api/index.ts';
import type { RpcServer } from '../../../rpc/index.ts';
import { ORIGIN } from '../../support/fake-notary.ts';
import { dial, NETWORK, request, startFake } from '../../support/rpc-server.ts';

const DIGEST = 'ab'.repeat(32);
const SUBMIT = { algorithm: 'sha256', digest: DIGEST };

describe('JSON-RPC over WebSocket', () => {
  const servers: RpcServer[] = [];
  const start: typeof startFake = async (...args) => {
    const started = await startFake(...args);
    servers.push(started.server);
    return started;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise(setImmediate);
  };

  it('answers pipelined calls, batches and bad texts on one connection', async () => {
    const { ws } = await start();
    const client = await dial(ws);
    client.send(request('notary_submit', SUBMIT, 'a'));
    client.send('{');
    client.send(`[${request('net_version', {}, 'b')},${request('nope', {}, 'c')}]`);
    const answers = [await client.reply(), await client.reply(), await client.reply()];
    const by = (id: unknown) => answers.find((answer) => answer.id === id);
    assert.equal(by(null)?.error?.code, -32700);
    assert.ok(by('a')?.result !== undefined);
    const batch = answers.find(Array.isArray) as unknown as { id: string; result?: unknown }[];
    assert.deepEqual(batch[0], { jsonrpc: '2.0', id: 'b', result: NETWORK });
    assert.equal(batch[1]?.id, 'c');
    client.socket.close();
  });

  it('refuses foreign origins, foreign hosts and other paths (R5)', async () => {
    const { ws, server } = await start({ allowedOrigins: ['https://app.example'] });
    const status = async (url: string, headers: Record<string, string>) => {
      const socket = new WebSocket(url, { headers });
      const opened = once(socket, 'open').then(() => 101);
      const refused = once(socket, 'unexpected-response').then(
        ([, response]) => response.statusCode,
      );
      const code = await Promise.race([opened, refused]);
      opened.catch(() => {});
      refused.catch(() => {});
      socket.on('error', () => {});
      socket.terminate();
      return code;
    };
    assert.equal(await status(ws, { origin: 'https://app.example' }), 101);
    assert.equal(await status(ws, { origin: `http://127.0.0.1:${server.address.port}` }), 101);
    assert.equal(await status(ws, { origin: 'https://evil.example' }), 403);
    assert.equal(await status(ws, { origin: 'null' }), 403);
    assert.equal(await status(ws, { host: 'evil.example' }), 403);
    assert.equal(await status(`${ws}other`, {}), 404);
  });

  it('closes on a message that is too long (R4)', async () => {
    const { ws } = await start({ limits: { bodyBytesMax: 1_000 } });
    const client = await dial(ws);
    client.send('x'.repeat(1_001));
    const [code] = await client.closed();
    assert.equal(code, 1009);
  });

  it('bounds the calls in flight a connection (R4)', async () => {
    const { ws, notary } = await start({ limits: { callsInFlightMax: 2 } });
    const gate = Promise.withResolvers<void>();
    notary.gate = gate.promise;
    const client = await dial(ws);
    for (const id of [1, 2, 3]) client.send(request('notary_submit', SUBMIT, id));
    const refused = await client.reply();
    assert.equal(refused.id, 3);
    assert.equal(refused.error?.data['reason'], 'rpc/too-busy');
    gate.resolve();
    await client.reply();
    await client.reply();
    client.send(request('notary_submit', SUBMIT, 4));
    assert.ok((await client.reply()).result !== undefined);
    client.socket.close();
  });

  it('bounds the connections (R4)', async () => {
    const { server, ws } = await start({ limits: { connectionsMax: 1 } });
    const first = await dial(ws);
    const second = connect(server.address.port, '127.0.0.1');
    await once(second, 'close');
    first.socket.close();
  });

  it('sends the newest checkpoint, then newer ones, until unsubscribed', async () => {
    const { ws, notary } = await start();
    notary.pushCheckpoint(1);
    notary.pushCheckpoint(2);
    const client = await dial(ws);
    client.send(request('notary_subscribe', { topic: 'checkpoints', origin: ORIGIN }));
    const { result: subscription } = await client.reply();
    const first = await client.reply();
    assert.deepEqual(first.params, { subscription, result: { size: '2', note: 'checkpoint 2\n' } });
    notary.pushCheckpoint(3);
    assert.equal((await client.reply()).params?.result?.size, '3');
    client.send(request('notary_unsubscribe', { subscription }, 'u'));
    assert.equal((await client.reply()).result, true);
    await until(() => notary.subscriptions === 0);
    client.send(request('notary_unsubscribe', { subscription }, 'u'));
    assert.equal((await client.reply()).result, false);
    client.send(request('notary_subscribe', { topic: 'checkpoints', origin: 'pyralog/x' }));
    assert.equal((await client.reply()).error?.data['reason'], 'notary/unknown-log');
    client.socket.close();
  });

  it('bounds subscriptions, and ends them with their connection (R4)', async () => {
    const { ws, notary } = await start({ limits: { subscriptionsMax: 2 } });
    const client = await dial(ws);
    const subscribe = async () => {
      client.send(request('notary_subscribe', { topic: 'checkpoints', origin: ORIGIN }));
      return client.reply();
    };
    await subscribe();
    await subscribe();
    assert.equal((await subscribe()).error?.data['reason'], 'rpc/too-many-subscriptions');
    await until(() => notary.subscriptions === 2);
    client.socket.terminate();
    await until(() => notary.subscriptions === 0);
  });

  it('serves binary frames (R8)', async () => {
    const { ws } = await start();
    const client = await dial(ws);
    const digests = new Uint8Array(3 * 32).fill(1);
    digests.fill(2, 32, 64);
    const frame = { requestId: 0xffff_fffe, algorithm: 'blake3', submitter: 'é', digests } as const;
    client.send(encodeDigestFrame({ ...frame, waitFor: 'checkpoint' }));
    const answer = decodeAnswerFrame((await client.next()) as Buffer);
    assert.ok(answer.kind === 'outcomes');
    assert.equal(answer.requestId, 0xffff_fffe);
    assert.equal(answer.note, 'note\n');
    assert.deepEqual(
      [0, 1, 2].map((i) => outcomeAt(answer.outcomes, i)?.status),
      ['new', 'new', 'duplicate'],
    );
    assert.equal(outcomeAt(answer.outcomes, 0)?.id, outcomeAt(answer.outcomes, 2)?.id);
    client.socket.close();
  });

  it('answers bad frames with an error frame, and goes on (R8)', async () => {
    const { ws } = await start();
    const client = await dial(ws);
    const good = encodeDigestFrame({
      requestId: 7,
      algorithm: 'sha256',
      submitter: '',
      waitFor: 'durable',
      digests: new Uint8Array(32),
    });
    for (const bad of [
      Uint8Array.of(1),
      good.subarray(0, 40),
      Uint8Array.of(2, ...good.subarray(1)),
    ]) {
      client.send(bad);
      const answer = decodeAnswerFrame((await client.next()) as Buffer);
      assert.ok(answer.kind === 'error');
      assert.equal(answer.requestId, bad.length < 16 ? 0 : 7);
      assert.equal(answer.error.data.reason, 'rpc/bad-frame');
    }
    client.send(good);
    assert.equal(decodeAnswerFrame((await client.next()) as Buffer).kind, 'outcomes');
    client.socket.close();
  });

  it('answers what is in flight, then closes with 1001 (drain)', async () => {
    const { ws, server, notary } = await start();
    const gate = Promise.withResolvers<void>();
    notary.gate = gate.promise;
    const client = await dial(ws);
    client.send(request('notary_submit', SUBMIT));
    await until(() => notary.calls === 1);
    const stopped = server.stop();
    client.send(request('net_version', {}, 'late'));
    assert.equal((await client.reply()).error?.data['reason'], 'rpc/shutting-down');
    const closed = client.closed();
    gate.resolve();
    assert.ok((await client.reply()).result !== undefined);
    const [code] = await closed;
    assert.equal(code, 1001);
    await stopped;
  });

  it('cuts what is left when the stop signal fires', async () => {
    const { ws, server, notary } = await start();
    notary.gate = new Promise(() => {});
    const client = await dial(ws);
    client.send(request('notary_submit', SUBMIT));
    await until(() => notary.calls === 1);
    const closed = client.closed();
    const cut = new AbortController();
    const stopped = server.stop(cut.signal);
    cut.abort();
    await Promise.all([stopped, closed]);
  });
});

describe('a WebSocket client that does not read', () => {
  const limits = { sendBufferBytesHigh: 64_000, sendBufferBytesMax: 4_000_000, stallMsMax: 50 };

  it('is not read from any more, then cut', async () => {
    const { ws, server, logged } = await startFake({ limits });
    try {
      const client = await dial(ws);
      client.send(request('rpc.discover', {}));
      const answerBytes = Buffer.byteLength(await client.next());
      client.socket.pause();
      // Far more than the system's own buffers take.
      const closed = client.closed();
      client.socket.on('error', () => {});
      for (let i = 0; i < 3_000; i++) client.send(request('rpc.discover', {}, i));
      while (logged.length === 0) await new Promise(setImmediate);
      assert.equal(logged[0]?.message, 'rpc websocket client cut');
      const { waitingBytes } = (logged[0]?.fields ?? {}) as { waitingBytes?: number };
      // The bound, and the one answer that crossed it.
      assert.ok(
        Number(waitingBytes) < limits.sendBufferBytesHigh + 1.1 * answerBytes,
        `${waitingBytes} wait`,
      );
      client.socket.resume();
      await closed;
    } finally {
      await server.stop(AbortSignal.abort());
    }
  });

  it('may go on when it reads again', async () => {
    const { ws, server, logged } = await startFake({ limits: { ...limits, stallMsMax: 60_000 } });
    try {
      const client = await dial(ws);
      client.socket.pause();
      for (let i = 0; i < 600; i++) client.send(request('rpc.discover', {}, i));
      await new Promise(setImmediate);
      client.socket.resume();
      for (let i = 0; i < 600; i++) assert.equal((await client.reply()).id, i);
      assert.deepEqual(logged, []);
      client.socket.close();
    } finally {
      await server.stop(AbortSignal.abort());
    }
  });
});
