import { strict as assert } from 'node:assert';
import { MessageChannel } from 'node:worker_threads';
import { PyralogError } from '../../../base/errors.ts';
import {
  type BridgeClient,
  type BridgeTarget,
  connectBridge,
  serveBridge,
} from '../../../node/bridge.ts';
import { until } from '../../support/until.ts';

describe('bridge between threads', () => {
  const bugs: unknown[] = [];
  let client: BridgeClient;
  afterEach(() => {
    client.close();
    bugs.length = 0;
  });

  function open(target: BridgeTarget): void {
    const { port1, port2 } = new MessageChannel();
    serveBridge(port1, target, (bug) => bugs.push(bug));
    client = connectBridge(port2);
  }

  it('answers calls by their arguments, whatever the order', async () => {
    const gate = Promise.withResolvers<void>();
    open({
      async slow([x]) {
        await gate.promise;
        return [x, 10n, Uint8Array.of(1)];
      },
      fast: async ([x]) => x,
    });
    const slow = client.call('slow', [1]);
    assert.equal(await client.call('fast', [2]), 2);
    gate.resolve();
    assert.deepEqual(await slow, [1, 10n, Uint8Array.of(1)]);
  });

  it('keeps code and data of expected trouble, and tells a bug to the node', async () => {
    open({
      async refuse() {
        throw new PyralogError('chain/bad-nonce', 'nonce 3, expected 4', {
          data: { expected: 4n },
        });
      },
      async broken() {
        throw new TypeError('undefined is not a block');
      },
    });
    await assert.rejects(client.call('refuse', []), {
      code: 'chain/bad-nonce',
      message: 'nonce 3, expected 4',
      data: { expected: 4n },
    });
    assert.deepEqual(bugs, []);
    await assert.rejects(client.call('broken', []), /undefined is not a block/);
    assert.equal(bugs.length, 1);
    await assert.rejects(client.call('missing', []), /no bridge method missing/);
  });

  it('aborts the call on the other side', async () => {
    let aborted = false;
    open({
      wait: (_args, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason);
          });
        }),
    });
    const abort = new AbortController();
    const call = client.call('wait', [], abort.signal);
    abort.abort(new Error('enough'));
    await assert.rejects(call, /enough/);
    await until(() => aborted);
    assert.deepEqual(bugs, [], 'an aborted call is no bug');
  });

  it('streams in order, holds the source back for a slow reader, ends it when the reader leaves', async () => {
    let made = 0;
    let ended = false;
    open({
      async *count() {
        try {
          for (; ; made++) yield made;
        } finally {
          ended = true;
        }
      },
    });
    const read: unknown[] = [];
    for await (const item of client.stream('count', [], new AbortController().signal)) {
      read.push(item);
      if (read.length === 100) break;
    }
    assert.deepEqual(read, [...Array(100).keys()]);
    assert.ok(made < 100 + 40, `${made} were made for 100 that were read`);
    await until(() => ended);
  });

  it('ends a stream with its signal and fails it with its source', async () => {
    open({
      async *once() {
        yield 1;
        throw new PyralogError('chain/stopped', 'the chain stopped');
      },
      async *forever(_args, signal) {
        yield 1;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    const never = new AbortController();
    await assert.rejects(
      async () => {
        for await (const _ of client.stream('once', [], never.signal));
      },
      { code: 'chain/stopped' },
    );
    const abort = new AbortController();
    for await (const _ of client.stream('forever', [], abort.signal)) abort.abort();
  });

  it('turns calls away beyond its bound and after closing', async () => {
    open({ wait: () => new Promise(() => {}) });
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 10_000; i++) {
      const call = client.call('wait', []);
      call.catch(() => {});
      calls.push(call);
    }
    await assert.rejects(client.call('wait', []), { code: 'node/busy' });
    client.close();
    await assert.rejects(calls[0] ?? assert.fail(), { code: 'node/stopped' });
    await assert.rejects(client.call('wait', []), { code: 'node/stopped' });
  });
});
