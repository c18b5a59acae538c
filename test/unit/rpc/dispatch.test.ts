import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLogger } from '../../../base/log.ts';
import { type Caller, Dispatcher, type MethodHandler } from '../../../rpc/dispatch.ts';
import { errorObjectOf, rpcError } from '../../../rpc/errors.ts';

/** The methods that the examples of the JSON-RPC 2.0 specification call. */
const spec = new Map<string, MethodHandler>([
  ['subtract', serve(subtract)],
  ['sum', serve((params) => (params as number[]).reduce((sum, n) => sum + n, 0))],
  ['get_data', serve(() => ['hello', 5])],
  ['update', serve(() => null)],
  ['notify_hello', serve(() => null)],
  ['notify_sum', serve(() => null)],
  ['later', serve((params) => Promise.resolve(params))],
  ['long', serve(() => 'x'.repeat(400))],
  ['slow', serve(busyFor(5))],
  ['broken', serve(() => Promise.reject(new TypeError('a bug')))],
  ['cyclic', serve(() => 1n)],
  ['damaged', serve(() => Promise.reject(rpcError('storage/corrupt', 'offset 7')))],
  ['busy', serve(() => Promise.reject(rpcError('log/overloaded', 'queue is full')))],
]);

function serve(run: (params: unknown) => unknown): MethodHandler {
  const fault = (params: unknown) =>
    Object.hasOwn(Object(params), 'bad') ? 'params/bad is not a known field' : undefined;
  return { fault, run };
}

/** Holds the thread, as a search over a long log does. */
function busyFor(ms: number): () => null {
  return () => {
    for (const end = performance.now() + ms; performance.now() < end; );
    return null;
  };
}

function subtract(params: unknown): number {
  const [minuend, subtrahend] = Array.isArray(params)
    ? (params as number[])
    : [
        (params as Record<string, number>)['minuend'],
        (params as Record<string, number>)['subtrahend'],
      ];
  return Number(minuend) - Number(subtrahend);
}

function dispatcherOf(limits = { batchCallsMax: 1_000, answerBytesMax: 16_000_000 }) {
  const errors: unknown[] = [];
  const seen: (string | undefined)[] = [];
  const dispatcher = new Dispatcher(
    {
      methods: spec,
      observer: { started() {}, finished: (_method, _startedMs, reason) => seen.push(reason) },
      logger: { ...silentLogger, error: (fields) => errors.push(fields['err']) },
    },
    limits,
  );
  let held = 0;
  const caller: Caller = {
    signal: new AbortController().signal,
    admit: () => {
      held++;
    },
    release: () => {
      held--;
    },
  };
  const ask = async (text: string | Uint8Array) => {
    const answer = await dispatcher.dispatch(Buffer.from(text), caller);
    return answer === undefined ? undefined : JSON.parse(answer);
  };
  return { dispatcher, ask, errors, seen, held: () => held };
}

const { ask } = dispatcherOf();

/** The specification says code and message; ours have data too, and messages of their own. */
const failed = (code: number, id: unknown = null) => ({ jsonrpc: '2.0', id, code });

function brief(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(brief);
  const { jsonrpc, id, error } = answer as {
    jsonrpc: string;
    id: unknown;
    error?: { code: number };
  };
  return error === undefined ? answer : { jsonrpc, id, code: error.code };
}

describe('the JSON-RPC 2.0 specification, example by example (R1)', () => {
  const examples: [name: string, request: string, answer: unknown][] = [
    [
      'positional parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
      { jsonrpc: '2.0', result: 19, id: 1 },
    ],
    [
      'positional parameters the other way round',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      { jsonrpc: '2.0', result: -19, id: 2 },
    ],
    [
      'named parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      { jsonrpc: '2.0', result: 19, id: 3 },
    ],
    [
      'named parameters in another order',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      { jsonrpc: '2.0', result: 19, id: 4 },
    ],
    ['a notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
    ['a notification of no method', '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
    [
      'a call of non-existent method',
      '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
      failed(-32601, '1'),
    ],
    [
      'invalid JSON',
      '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
      failed(-32700),
    ],
    [
      'an invalid Request object',
      '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
      failed(-32600),
    ],
    [
      'a batch of invalid JSON',
      '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
      failed(-32700),
    ],
    ['an empty Array', '[]', failed(-32600)],
    ['an invalid Batch (but not empty)', '[1]', [failed(-32600)]],
    ['an invalid Batch', '[1,2,3]', [failed(-32600), failed(-32600), failed(-32600)]],
    [
      'a Batch',
      `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
      ]`,
      [
        { jsonrpc: '2.0', result: 7, id: '1' },
        { jsonrpc: '2.0', result: 19, id: '2' },
        failed(-32600),
        failed(-32601, '5'),
        { jsonrpc: '2.0', result: ['hello', 5], id: '9' },
      ],
    ],
    [
      'a Batch of all notifications',
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
      undefined,
    ],
  ];
  for (const [name, text, expected] of examples) {
    it(name, async () => {
      const answer = await ask(text);
      assert.deepEqual(answer === undefined ? undefined : brief(answer), expected);
    });
  }
});

describe('the dispatcher beyond the examples', () => {
  it('refuses a missing or wrong jsonrpc and keeps the id it could read', async () => {
    assert.deepEqual(brief(await ask('{"id":7,"method":"sum"}')), failed(-32600, 7));
    assert.deepEqual(brief(await ask('{"jsonrpc":2.0,"id":7,"method":"sum"}')), failed(-32600, 7));
  });

  it('answers a null id, for only a missing one makes a notification', async () => {
    const answer = await ask('{"jsonrpc":"2.0","id":null,"method":"get_data"}');
    assert.deepEqual(answer, { jsonrpc: '2.0', id: null, result: ['hello', 5] });
  });

  it('refuses ids that could not be echoed as they came', async () => {
    for (const id of ['{}', '[1]', 'true', '9007199254740993', '1e400']) {
      const answer = await ask(`{"jsonrpc":"2.0","id":${id},"method":"get_data"}`);
      assert.deepEqual(brief(answer), failed(-32600), id);
    }
  });

  it('refuses bytes that are not UTF-8 as not parsable', async () => {
    assert.deepEqual(brief(await ask(Uint8Array.of(0x22, 0xff, 0x22))), failed(-32700));
  });

  it('finds no method in what every object inherits', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const answer = await ask(JSON.stringify({ jsonrpc: '2.0', id: 1, method: name }));
      assert.deepEqual(brief(answer), failed(-32601, 1), name);
    }
  });

  it('says what is wrong with the params, with its reason (R3)', async () => {
    const { error } = await ask('{"jsonrpc":"2.0","id":1,"method":"sum","params":{"bad":1}}');
    assert.deepEqual(error, {
      code: -32602,
      message: 'params/bad is not a known field',
      data: { reason: 'rpc/invalid-params', retryable: false },
    });
  });

  it('says when to come back (R3)', async () => {
    const { error } = await ask('{"jsonrpc":"2.0","id":1,"method":"busy"}');
    assert.deepEqual(error.data, {
      reason: 'log/overloaded',
      retryable: true,
      retryAfterMs: 50,
    });
  });

  it('has in its log what it sends a caller to the operator for, once', async () => {
    const { ask, errors } = dispatcherOf();
    for (let id = 0; id < 3; id++) {
      const answer = await ask(JSON.stringify({ jsonrpc: '2.0', id, method: 'damaged' }));
      assert.match(answer.error.message, /its log has the cause/u);
    }
    assert.deepEqual(
      errors.map((error) => (error as Error).message),
      ['offset 7'],
    );
  });

  it('answers a bug with an internal error, logs it, and tells the caller nothing of it', async () => {
    const { ask: call, errors } = dispatcherOf();
    for (const method of ['broken', 'cyclic']) {
      const answer = await call(`{"jsonrpc":"2.0","id":1,"method":"${method}"}`);
      assert.deepEqual(brief(answer), failed(-32603, 1));
      assert.doesNotMatch(JSON.stringify(answer), /bug|BigInt/);
    }
    assert.equal(errors.length, 2);
  });

  it('refuses a batch above the limit as a whole (R4)', async () => {
    const { ask: call } = dispatcherOf({ batchCallsMax: 2, answerBytesMax: 10_000 });
    const one = '{"jsonrpc":"2.0","id":1,"method":"get_data"}';
    assert.equal((await call(`[${one},${one}]`)).length, 2);
    assert.deepEqual(brief(await call(`[${one},${one},${one}]`)), failed(-32600));
  });

  it('refuses an answer above the limit, alone or as a batch (R4)', async () => {
    const { ask: call } = dispatcherOf({ batchCallsMax: 9, answerBytesMax: 300 });
    const long = await call('{"jsonrpc":"2.0","id":1,"method":"long"}');
    assert.equal(long.error.data.reason, 'rpc/answer-too-large');
    const one = '{"jsonrpc":"2.0","id":1,"method":"get_data"}';
    const batch = await call(`[${Array(8).fill(one).join()}]`);
    assert.equal(batch.error.data.reason, 'rpc/answer-too-large');
  });

  it('stops making the calls of a batch that can no longer be answered (R4)', async () => {
    const { ask: call, seen } = dispatcherOf({ batchCallsMax: 1_000, answerBytesMax: 2_000 });
    const one = '{"jsonrpc":"2.0","id":1,"method":"long"}';
    const batch = await call(`[${Array(1_000).fill(one).join()}]`);
    assert.equal(batch.error.data.reason, 'rpc/answer-too-large');
    assert.match(batch.error.message, /after 5 of 1000 calls/);
    assert.equal(seen.length, 5);
  });

  it('lets others have the thread between the calls of a long batch', async () => {
    const { ask: call } = dispatcherOf();
    const slow = '{"jsonrpc":"2.0","id":1,"method":"slow"}';
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const batch = await call(`[${Array(20).fill(slow).join()}]`);
    clearInterval(counting);
    assert.equal(batch.length, 20);
    assert.ok(turns >= 5, `${turns} turns`);
  });

  it('drains: refuses new calls and waits for those in flight', async () => {
    const { dispatcher, ask: call } = dispatcherOf();
    const first = call('{"jsonrpc":"2.0","id":1,"method":"later","params":[1]}');
    let idle = false;
    const drained = dispatcher.drain().then(() => {
      idle = true;
    });
    assert.equal(idle, false);
    const refused = await call('{"jsonrpc":"2.0","id":2,"method":"get_data"}');
    assert.equal(refused.error.data.reason, 'rpc/shutting-down');
    assert.deepEqual((await first).result, [1]);
    await drained;
    assert.equal(idle, true);
  });

  it('gives back every slot it took', async () => {
    const { ask: call, held } = dispatcherOf();
    for (const method of ['later', 'broken', 'nope', 'busy', 'sum', 'cyclic']) {
      await call(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [1] }));
      await call(JSON.stringify({ jsonrpc: '2.0', method, params: { bad: 1 } }));
    }
    assert.equal(held(), 0);
  });
});

describe('the dispatcher under any input', () => {
  const method = fc.oneof(fc.constantFrom(...spec.keys()), fc.string());
  const almost = fc.record(
    {
      jsonrpc: fc.oneof(fc.constant('2.0'), fc.jsonValue()),
      id: fc.jsonValue(),
      method,
      params: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const isAnswer = (value: unknown) => {
    const answer = value as Record<string, unknown>;
    assert.equal(answer['jsonrpc'], '2.0');
    assert.ok('id' in answer);
    assert.notEqual('result' in answer, 'error' in answer);
    if ('error' in answer) {
      const { code, message, data } = answer['error'] as Record<string, unknown>;
      assert.ok(Number.isInteger(code));
      assert.equal(typeof message, 'string');
      assert.equal(typeof (data as Record<string, unknown>)['reason'], 'string');
    }
  };

  it('gives one valid answer, or none, to arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const answer = await ask(bytes);
        if (answer !== undefined) [answer].flat().forEach(isAnswer);
      }),
      { numRuns: 500 },
    );
  });

  it('gives as many valid answers as there are calls that are no notifications', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(almost, { minLength: 1, maxLength: 8 }), async (batch) => {
        const answers = ((await ask(JSON.stringify(batch))) ?? []) as unknown[];
        answers.forEach(isAnswer);
        const silent = JSON.parse(JSON.stringify(batch)).filter(isNotification).length;
        assert.equal(answers.length, batch.length - silent);
      }),
      { numRuns: 500 },
    );
  });

  function isNotification(value: Record<string, unknown>): boolean {
    const params = value['params'];
    return (
      !('id' in value) &&
      value['jsonrpc'] === '2.0' &&
      typeof value['method'] === 'string' &&
      (params === undefined || (typeof params === 'object' && params !== null))
    );
  }

  it('tells nothing of errors it does not know', () => {
    assert.equal(errorObjectOf(new Error('a secret')), undefined);
    assert.equal(errorObjectOf('thrown'), undefined);
  });
});
