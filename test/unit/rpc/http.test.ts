import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import type { RpcServer } from '../../../rpc/index.ts';
import { ORIGIN } from '../../support/fake-notary.ts';
import { NETWORK, post, type Reply, request, startFake, TOKEN } from '../../support/rpc-server.ts';

const DIGEST = 'ab'.repeat(32);

/** `fetch` will not send these headers. */
function raw(
  port: number,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: string },
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof raw>>>();
  const { method = 'POST', path = '/', headers = {}, body = '' } = options;
  const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
    let text = '';
    response.on('data', (part) => {
      text += part;
    });
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
    );
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

describe('JSON-RPC over HTTP', () => {
  const servers: RpcServer[] = [];
  const start: typeof startFake = async (...args) => {
    const started = await startFake(...args);
    servers.push(started.server);
    return started;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop(AbortSignal.abort())));
  });
  const ask = async (url: string, method: string, params?: unknown): Promise<Reply> =>
    (await post(url, request(method, params))).json() as Promise<Reply>;

  it('serves every public method on its example or says why not', async () => {
    const { http, notary } = await start();
    notary.pushCheckpoint(1);
    const submitted = await ask(http, 'notary_submit', { algorithm: 'sha256', digest: DIGEST });
    const { id } = submitted.result as { id: string };
    const results = {
      notary_submitBatch: { submissions: [{ algorithm: 'sha256', digest: DIGEST }] },
      notary_status: { id },
      notary_receipt: { id },
      notary_search: { algorithm: 'sha256', digest: DIGEST },
      notary_since: { origin: ORIGIN, time: '0', limit: 1 },
      notary_info: {},
      log_info: { origin: ORIGIN },
      log_inclusionProof: { origin: ORIGIN, index: '0', size: '1' },
      log_consistencyProof: { origin: ORIGIN, from: '0', to: '1' },
      log_checkpoint: { origin: ORIGIN },
      net_version: undefined,
      'rpc.discover': {},
    };
    for (const [method, params] of Object.entries(results)) {
      const { result, error } = await ask(http, method, params);
      assert.ok(result !== undefined, `${method}: ${error?.message}`);
    }
    const { result: receipt } = await ask(http, 'notary_receipt', { id });
    const upgraded = await ask(http, 'notary_upgradeReceipt', { receipt });
    assert.deepEqual(upgraded.result, receipt);
    const verdict = await ask(http, 'notary_verify', { receipt });
    assert.equal((verdict.result as { reason: string }).reason, 'receipt/not-signed');
  });

  it('refuses bad params by their field (R2)', async () => {
    const { http } = await start();
    const bad: [params: unknown, message: RegExp][] = [
      [{ algorithm: 'md5', digest: DIGEST }, /algorithm.*sha256/],
      [{ algorithm: 'sha256', digest: DIGEST.toUpperCase() }, /digest/],
      [{ algorithm: 'sha512', digest: DIGEST }, /digest has 32 bytes, sha512 has 64/],
      [{ algorithm: 'sha256', digest: DIGEST, extra: 1 }, /extra is not a known field/],
      [{ algorithm: 'sha256', digest: DIGEST, submitter: '€'.repeat(30) }, /64 bytes/],
      [{ algorithm: 'sha256', digest: DIGEST, timeoutMs: 0 }, /timeoutMs/],
      [['sha256', DIGEST], /object/],
    ];
    for (const [params, message] of bad) {
      const { error } = await ask(http, 'notary_submit', params);
      assert.equal(error?.code, -32602);
      assert.match(error?.message ?? '', message);
    }
    const over = await ask(http, 'notary_status', { id: '18446744073709551616' });
    assert.equal(over.error?.code, -32602);
    const since = { origin: ORIGIN, time: '0' };
    for (const params of [
      { origin: ORIGIN },
      { time: '0' },
      { ...since, time: '2026-11-21T12:00:00Z' },
      { ...since, time: '-1' },
      { ...since, time: '9007199254740992' },
      { ...since, time: 0 },
      { ...since, limit: 0 },
      { ...since, limit: 1_001 },
    ]) {
      const { error } = await ask(http, 'notary_since', params);
      assert.equal(error?.code, -32602, JSON.stringify(params));
    }
  });

  it('names the record that holds a conflicting key (R3, N1)', async () => {
    const { http } = await start();
    const key = { algorithm: 'sha256', idempotencyKey: 'k' };
    const first = await ask(http, 'notary_submit', { ...key, digest: DIGEST });
    const second = await ask(http, 'notary_submit', { ...key, digest: 'cd'.repeat(32) });
    assert.equal(second.error?.data['reason'], 'notary/idempotency-conflict');
    assert.equal(second.error?.data['id'], (first.result as { id: string }).id);
    const batch = await ask(http, 'notary_submitBatch', {
      submissions: [
        { ...key, digest: DIGEST },
        { ...key, digest: 'cd'.repeat(32) },
      ],
    });
    const { results } = batch.result as { results: Reply[] };
    assert.equal(results[0]?.error, undefined);
    assert.equal(results[1]?.error?.data['reason'], 'notary/idempotency-conflict');
  });

  it('answers notifications with 204 and no body (R1)', async () => {
    const { http, notary } = await start();
    const params = { algorithm: 'sha256', digest: DIGEST };
    const one = JSON.stringify({ jsonrpc: '2.0', method: 'notary_submit', params });
    for (const body of [one, `[${one},${one}]`]) {
      const response = await post(http, body);
      assert.equal(response.status, 204);
      assert.equal(await response.text(), '');
    }
    assert.equal(notary.calls, 3);
  });

  it('lets whoever sends too much send it to the end, and goes on (R4)', async () => {
    const { http } = await start({ limits: { bodyBytesMax: 1_000 } });
    const { port, host } = new URL(http);
    const socket = connect(Number(port), '127.0.0.1');
    const head = (bytes: number) =>
      `POST / HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`;
    const seen = async (text: RegExp) => {
      let read = '';
      for await (const part of socket.iterator({ destroyOnReturn: false })) {
        read += part;
        if (text.test(read)) return;
      }
      assert.fail(`the connection ended behind ${JSON.stringify(read)}`);
    };
    socket.write(head(10_000_000));
    await seen(/HTTP\/1.1 413 .*rpc\/body-too-large/s);
    socket.write(Buffer.alloc(10_000_000));
    const next = request('net_version');
    socket.write(head(next.length) + next);
    await seen(/HTTP\/1.1 200 .*result/s);
    socket.destroy();
  });

  it('wants JSON, of a bounded length (R4, R5)', async () => {
    const { http } = await start({ limits: { bodyBytesMax: 1_000 } });
    const plain = await post(http, request('net_version'), { 'content-type': 'text/plain' });
    assert.equal(plain.status, 415);
    const form = await fetch(http, { method: 'POST' });
    assert.equal(form.status, 415);
    const long = await post(http, request('net_version', { x: 'y'.repeat(1_000) }));
    assert.equal(long.status, 413);
    assert.equal(((await long.json()) as Reply).error?.data['reason'], 'rpc/body-too-large');
    const fits = await post(http, request('net_version'), {
      'content-type': 'application/json; charset=utf-8',
    });
    assert.equal(((await fits.json()) as Reply).result, NETWORK);
  });

  it('serves no other path or method', async () => {
    const { http } = await start();
    assert.equal((await fetch(`${http}other`)).status, 404);
    assert.equal((await fetch(http)).status, 404);
  });

  it('knows its hosts (R5)', async () => {
    const { server } = await start({ allowedHosts: ['node.example'] });
    const { port } = server.address;
    const ask = (host: string) =>
      raw(port, {
        headers: { host, 'content-type': 'application/json' },
        body: request('net_version'),
      });
    for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]:1', 'NODE.example:99']) {
      assert.equal((await ask(host)).status, 200, host);
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      'a@localhost',
    ]) {
      const answer = await ask(host);
      assert.equal(answer.status, 403, host);
      assert.match(answer.body, /rpc\/forbidden/);
    }
  });

  it('lets pages of configured origins in, and no others (R5)', async () => {
    const { server, notary } = await start({ allowedOrigins: ['https://app.example'] });
    const { port } = server.address;
    const host = `127.0.0.1:${port}`;
    const ask = (origin: string, method = 'POST') =>
      raw(port, {
        method,
        headers: { host, origin, 'content-type': 'application/json' },
        body: method === 'POST' ? request('net_version') : '',
      });
    const allowed = await ask('https://app.example');
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://app.example');
    const preflight = await ask('https://app.example', 'OPTIONS');
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-methods'], 'POST');
    for (const origin of [
      'https://evil.example',
      'null',
      'https://app.example.evil',
      'http://app.example',
    ]) {
      for (const method of ['POST', 'OPTIONS']) {
        const refused = await ask(origin, method);
        assert.equal(refused.status, 403, origin);
        assert.equal(refused.headers['access-control-allow-origin'], undefined);
      }
    }
    assert.equal((await ask(`http://${host}`)).status, 200);
    assert.equal(notary.calls, 0);
  });

  it('has a probe each for life and readiness, and metrics (R6)', async () => {
    const { http } = await start(
      {},
      { readiness: () => ({ ready: false, reasons: ['no leader'] }) },
    );
    await post(http, request('net_version'));
    assert.equal((await fetch(`${http}livez`)).status, 200);
    const ready = await fetch(`${http}readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /no leader/);
    const metrics = await (await fetch(`${http}metrics`)).text();
    assert.match(metrics, /pyralog_rpc_call_seconds_count\{method="net_version"\} 1/);
    assert.match(metrics, /pyralog_rpc_event_loop_lag_seconds\{thread="rpc"/);
  });

  it('keeps labels of unknown methods together', async () => {
    const { http } = await start();
    await post(http, request('made_up_1'));
    await post(http, request('made_up_2'));
    const metrics = await (await fetch(`${http}metrics`)).text();
    assert.match(metrics, /errors_total\{method="unknown",reason="rpc\/method-not-found"\} 2/);
    assert.doesNotMatch(metrics, /made_up/);
  });

  it('limits calls a second by address, and says when to come back (R4)', async () => {
    const { http } = await start({ limits: { requestsPerSecond: 2, limitLoopback: true } });
    const one = { jsonrpc: '2.0', id: 1, method: 'net_version' };
    const answers = (await (await post(http, JSON.stringify([one, one, one]))).json()) as Reply[];
    assert.deepEqual(
      answers.map((answer) => answer.error?.data['reason']),
      [undefined, undefined, 'rpc/rate-limited'],
    );
    const after = Number(answers[2]?.error?.data['retryAfterMs']);
    assert.ok(after > 0 && after <= 500, `${after} ms`);
  });

  it('answers outcome-unknown when time is up (N4)', async () => {
    const { http, notary } = await start({ limits: { callMsDefault: 20 } });
    const gate = Promise.withResolvers<void>();
    notary.gate = gate.promise;
    const params = { algorithm: 'sha256', digest: DIGEST };
    for (const own of [{}, { timeoutMs: 5 }]) {
      const { error } = await ask(http, 'notary_submit', { ...params, ...own });
      assert.equal(error?.data['reason'], 'notary/outcome-unknown');
      assert.equal(error?.data['retryable'], true);
      assert.ok(Number(error?.data['retryAfterMs']) > 0);
    }
    gate.resolve();
  });

  it('lists what it serves (R2)', async () => {
    const { http } = await start();
    const { result } = await ask(http, 'rpc.discover');
    const { methods } = result as { methods: { name: string; params: { name: string }[] }[] };
    const submit = methods.find(({ name }) => name === 'notary_submit');
    assert.deepEqual(
      submit?.params.map(({ name }) => name),
      ['algorithm', 'digest', 'submitter', 'idempotencyKey', 'waitFor', 'timeoutMs'],
    );
  });

  it('says when an address is taken', async () => {
    const { server } = await start();
    const taken = startFake({ port: server.address.port });
    await assert.rejects(taken, { code: 'rpc/listen' });
  });

  it('drains on stop: in-flight calls are answered, new connections are not taken', async () => {
    const { server, http, notary } = await start();
    const gate = Promise.withResolvers<void>();
    notary.gate = gate.promise;
    const slow = ask(http, 'notary_submit', { algorithm: 'sha256', digest: DIGEST });
    while (notary.calls === 0) await new Promise(setImmediate);
    const stopped = server.stop();
    const ready = await fetch(`${http}readyz`);
    assert.equal(ready.status, 503);
    const refused = await ask(http, 'net_version');
    assert.equal(refused.error?.data['reason'], 'rpc/shutting-down');
    gate.resolve();
    assert.ok((await slow).result !== undefined);
    await stopped;
    await assert.rejects(
      new Promise((_, reject) => connect(server.address.port, '127.0.0.1').on('error', reject)),
    );
  });
});

describe('the admin listener (R7)', () => {
  const admin = {
    stats: () => ({ records: 7n, readOnly: false }),
    levels: [] as string[],
    stops: 0,
    shutdown() {
      this.stops++;
    },
    setLogLevel(level: string) {
      this.levels.push(level);
    },
  };

  it('answers only to its token', async () => {
    const { server, http } = await startFake({ adminPort: 0, adminToken: TOKEN }, { admin });
    try {
      const url = `http://127.0.0.1:${server.adminAddress?.port}/`;
      const bearer = { authorization: `Bearer ${TOKEN}` };
      for (const authorization of [
        '',
        'Bearer',
        `Bearer ${TOKEN}x`,
        `Basic ${TOKEN}`,
        `Bearer ${TOKEN.slice(1)}`,
      ]) {
        const refused = await post(url, request('admin_stats'), { authorization });
        assert.equal(refused.status, 401, authorization);
      }
      const ask = async (method: string, params?: unknown) =>
        (await (await post(url, request(method, params), bearer)).json()) as Reply;
      assert.deepEqual((await ask('admin_stats')).result, { records: '7', readOnly: false });
      assert.deepEqual((await ask('admin_logLevel', { level: 'debug' })).result, {
        level: 'debug',
      });
      assert.deepEqual(admin.levels, ['debug']);
      assert.deepEqual((await ask('admin_shutdown')).result, { stopping: true });
      assert.equal(admin.stops, 1);
      assert.equal((await ask('notary_info')).error?.code, -32601);
      assert.equal((await fetch(`${url}livez`)).status, 200);
      const outside = (await (await post(http, request('admin_stats'), bearer)).json()) as Reply;
      assert.equal(outside.error?.code, -32601);
      const rebound = await raw(server.adminAddress?.port ?? 0, {
        headers: { ...bearer, host: 'evil.example', 'content-type': 'application/json' },
        body: request('admin_stats'),
      });
      assert.equal(rebound.status, 403);
    } finally {
      await server.stop();
    }
  });

  it('does not start with a token that can be guessed', async () => {
    const started = startFake({ adminPort: 0, adminToken: 'short' }, { metrics: new Registry() });
    await assert.rejects(started, { code: 'rpc/unauthorized' });
  });
});
