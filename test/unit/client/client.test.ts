import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { PyralogError } from '../../../base/errors.ts';
import {
  type Client,
  type ClientOptions,
  createClient,
  outcomeAt,
  RpcError,
} from '../../../client/index.ts';
import type { RpcServer } from '../../../rpc/index.ts';
import { ORIGIN } from '../../support/fake-notary.ts';
import { NETWORK, startFake } from '../../support/rpc-server.ts';

const digest = new Uint8Array(32).fill(0xab);
const submission = { algorithm: 'sha256', digest } as const;
const quick = { waitMsFirst: 1, waitMsMax: 2 };

const open: { stop?: RpcServer['stop']; client?: Client }[] = [];

async function start(kind: 'http' | 'ws', options: Partial<ClientOptions> = {}) {
  const started = await startFake();
  const client = createClient({ url: started[kind], retry: quick, ...options });
  open.push({ stop: (signal) => started.server.stop(signal), client });
  return { ...started, client };
}

async function closeAll() {
  for (const { client, stop } of open.splice(0)) {
    await client?.close();
    await stop?.(AbortSignal.abort());
  }
}

for (const kind of ['http', 'ws'] as const) {
  describe(`the client over ${kind}`, () => {
    afterEach(closeAll);

    it('submits, asks and upgrades in domain terms', async () => {
      const { client, notary } = await start(kind, { submitter: 'me' });
      notary.pushCheckpoint(1);
      const submitted = await client.submit(submission, { waitFor: 'checkpoint' });
      assert.equal(submitted.id, 234_881_024_000n);
      assert.equal(submitted.duplicate, false);
      assert.deepEqual(submitted.receipt?.record.digest, digest);
      assert.deepEqual((await client.status(submitted.id)).digest, digest);
      const receipt = await client.receipt(submitted.id);
      assert.deepEqual(await client.upgradeReceipt(receipt), receipt);
      assert.equal((await client.search(submission)).length, 1);
      const [since] = await client.since({ origin: ORIGIN, time: submitted.timestamp });
      assert.equal(since?.id, submitted.id);
      const later = { origin: ORIGIN, time: submitted.timestamp + 1, limit: 7 };
      assert.deepEqual(await client.since(later), []);
      assert.equal((await client.verify(receipt)).reason, 'receipt/not-signed');
      assert.equal((await client.info()).networkId, NETWORK);
      const [log] = await client.logs(ORIGIN);
      assert.equal(log?.checkpoint?.size, 1);
      const proof = await client.inclusionProof({ origin: ORIGIN, index: 0, size: 1 });
      assert.deepEqual(proof, [new Uint8Array(32).fill(7)]);
      assert.equal((await client.consistencyProof({ origin: ORIGIN, from: 0, to: 1 })).length, 1);
      assert.equal(await client.checkpoint(ORIGIN), 'checkpoint 1\n');
      assert.equal(await client.call('net_version', {}), NETWORK);
    });

    it('gives every submission of a batch its outcome', async () => {
      const { client } = await start(kind);
      const key = { ...submission, idempotencyKey: 'k' };
      const other = { ...key, digest: new Uint8Array(32) };
      const [first, second] = await client.submitBatch([key, other]);
      assert.ok(first?.ok === true);
      assert.ok(second?.ok === false);
      assert.equal(second.error.data.reason, 'notary/idempotency-conflict');
      assert.equal(second.error.data['id'], first.submitted.id.toString());
    });

    it('gives errors their code and whether to come back', async () => {
      const { client } = await start(kind);
      await assert.rejects(client.status(1n), (error) => {
        assert.ok(error instanceof RpcError && error instanceof PyralogError);
        assert.equal(error.code, 'notary/not-found');
        assert.equal(error.reason, error.code);
        assert.equal(error.rpcCode, -32_022);
        assert.equal(error.retryable, false);
        assert.equal(error.data['id'], '1');
        return true;
      });
    });

    it('comes back after a retryable error, and gives up in the end', async () => {
      const { client, notary } = await start(kind, { retry: { ...quick, attemptsMax: 2 } });
      notary.failure = new PyralogError('log/overloaded', 'full', { data: { retryAfterMs: 1 } });
      assert.equal((await client.submit(submission)).duplicate, false);
      assert.equal(notary.calls, 2);
      notary.gate = new Promise(() => {});
      notary.failure = new PyralogError('log/overloaded', 'full', { data: { retryAfterMs: 1 } });
      const late = client.submit({ ...submission, idempotencyKey: 'k' }, { timeoutMs: 200 });
      await assert.rejects(late, { code: 'notary/outcome-unknown' });
      // The second try had what was left of the time; when that was over, there was no third.
      assert.equal(notary.calls, 4);
    });

    it('does not repeat what will not get better', async () => {
      const { client, notary } = await start(kind);
      notary.failure = new PyralogError('storage/read-only', 'no');
      await assert.rejects(client.submit(submission), { code: 'storage/read-only' });
      assert.equal(notary.calls, 1);
    });

    it('ends a call when its signal fires, with the signal’s reason', async () => {
      const { client, notary } = await start(kind);
      notary.gate = new Promise(() => {});
      const abort = new AbortController();
      const call = client.submit(submission, { signal: abort.signal });
      while (notary.calls === 0) await new Promise(setImmediate);
      abort.abort(new Error('enough'));
      await assert.rejects(call, /enough/);
      await assert.rejects(client.status(1n, { signal: abort.signal }), /enough/);
    });

    it('says when no node is there, or none answers in time', async () => {
      const { client, server, notary } = await start(kind, {
        answerMsMax: 10,
        retry: { attemptsMax: 1 },
      });
      notary.gate = new Promise(() => {});
      await assert.rejects(client.submit(submission), { code: 'client/no-answer' });
      await server.stop(AbortSignal.abort());
      // A WebSocket may not have heard of the end yet: then it hears of it with this call.
      await assert.rejects(client.status(1n), { code: /^client\/(unreachable|connection-lost)$/ });
      await client.close();
      await assert.rejects(client.status(1n), { code: 'client/closed' });
    });
  });
}

describe('the client over http alone', () => {
  it('gives the tries of a call one time to share', async () => {
    const asked: number[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (text) => (body += text));
      request.on('end', () => {
        asked.push(JSON.parse(body).params.timeoutMs);
        // The first connection is lost some time later, the second is never answered.
        if (asked.length === 1) setTimeout(() => response.destroy(), 100);
      });
    }).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const calls = { begun: 0, ended: 0 };
    const onCall = () => {
      calls.begun++;
      return () => void calls.ended++;
    };
    const client = createClient({ url, retry: quick, answerMsMax: 20, onCall });
    try {
      const call = client.submit(submission, { timeoutMs: 2_000 });
      await assert.rejects(call, { code: 'client/no-answer' });
      const [first = 0, second = 0] = asked;
      assert.equal(asked.length, 2);
      assert.ok(first <= 2_000 && second > 0 && second < first - 50, `${first}, ${second}`);
      assert.deepEqual(calls, { begun: 1, ended: 1 });
    } finally {
      await client.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('the client over ws alone', () => {
  afterEach(closeAll);

  it('waits no longer for a connection that does not come up than for an answer', async () => {
    const server = createSocketServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient({ url, retry: { attemptsMax: 1 }, answerMsMax: 50 });
    await assert.rejects(client.status(1n), { code: 'client/unreachable' });
    await client.close();
    server.close();
  });

  it('pipelines calls on one connection', async () => {
    const { client, http } = await start('ws');
    const calls = Array.from({ length: 300 }, (_, i) =>
      client.submit({ ...submission, digest: new Uint8Array(32).fill(i) }),
    );
    const ids = new Set((await Promise.all(calls)).map(({ id }) => id));
    assert.equal(ids.size, 256);
    const metrics = await (await fetch(`${http}metrics`)).text();
    assert.match(metrics, /connections_opened_total 1\n/);
  });

  it('sends packed digests', async () => {
    const { client, notary } = await start('ws', { submitter: 'me' });
    const digests = new Uint8Array(2_000 * 32).map((_, i) => i >> 5);
    const durable = await client.submitPacked({ algorithm: 'blake3', digests });
    assert.equal(durable.outcomes.length, 2_000 * 40);
    assert.equal(durable.note, '');
    assert.equal(notary.records.length, 256);
    const signed = await client.submitPacked(
      { algorithm: 'blake3', digests },
      { waitFor: 'checkpoint' },
    );
    assert.equal(outcomeAt(signed.outcomes, 1_999)?.status, 'duplicate');
    assert.equal(signed.note, 'note\n');
    const odd = client.submitPacked({ algorithm: 'sha512', digests: new Uint8Array(32) });
    await assert.rejects(odd, { code: 'client/invalid-argument' });
  });

  it('follows checkpoints; leaving the loop ends the subscription', async () => {
    const { client, notary } = await start('ws');
    notary.pushCheckpoint(1);
    const sizes: number[] = [];
    for await (const { size } of client.subscribeCheckpoints(ORIGIN)) {
      sizes.push(size);
      if (size === 3) break;
      notary.pushCheckpoint(size + 1);
    }
    assert.deepEqual(sizes, [1, 2, 3]);
    while (notary.subscriptions > 0) await new Promise(setImmediate);
  });

  it('tells a follower when the connection is lost', async () => {
    const { client, notary, server } = await start('ws');
    const follow = async () => {
      for await (const _ of client.subscribeCheckpoints(ORIGIN)) void _;
    };
    const ended = assert.rejects(follow(), { code: 'client/connection-lost' });
    while (notary.subscriptions === 0) await new Promise(setImmediate);
    await Promise.all([ended, server.stop()]);
  });

  it('opens a new connection for a repeat, with the same key', async () => {
    const { server, notary, ws } = await startFake();
    const client = createClient({ url: ws, retry: quick });
    notary.gate = new Promise(() => {});
    const lost = client.submit({ ...submission, idempotencyKey: 'k' });
    while (notary.calls === 0) await new Promise(setImmediate);
    await server.stop(AbortSignal.abort());
    // The repeats find nobody: what is left is the last error.
    await assert.rejects(lost, { code: 'client/unreachable' });
    const again = await startFake({ port: server.address.port });
    open.push({ client, stop: (signal) => again.server.stop(signal) });
    assert.equal((await client.submit({ ...submission, idempotencyKey: 'k' })).duplicate, false);
  });
});

describe('the client and its address', () => {
  afterEach(closeAll);

  it('refuses what is no address, and frames over http', async () => {
    for (const url of ['ftp://x', 'nonsense', '']) {
      assert.throws(() => createClient({ url }), { code: 'client/invalid-argument' });
    }
    assert.throws(() => createClient({ url: 'ws://x', token: 't' }), {
      code: 'client/invalid-argument',
    });
    const { client } = await start('http');
    const packed = client.submitPacked({ algorithm: 'sha256', digests: digest });
    await assert.rejects(packed, { code: 'client/websocket-needed' });
  });

  it('recognises a server that is no node', async () => {
    const other = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as AddressInfo;
    const client = createClient({ url: `http://127.0.0.1:${port}`, retry: quick });
    await assert.rejects(client.status(1n), { code: 'client/bad-answer' });
    await client.close();
    other.closeAllConnections();
    other.close();
  });
});
