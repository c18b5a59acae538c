import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type RawData, WebSocketServer } from 'ws';
import { runCalls } from '../../../bench/load/calls.ts';
import { runPacked } from '../../../bench/load/packed.ts';
import { Seen } from '../../../bench/load/seen.ts';
import { type LeanSocket, openSocket } from '../../../bench/load/websocket.ts';

type Answer = (message: Buffer, binary: boolean, serial: number) => string | Buffer;

/** A server that answers at once, and lean clients connected to it. */
async function withServer(
  answer: Answer,
  clients: number,
  test: (sockets: LeanSocket[]) => Promise<void>,
): Promise<void> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  let serial = 0;
  server.on('connection', (socket) =>
    socket.on('message', (data: RawData, binary) =>
      socket.send(answer(data as Buffer, binary, serial++)),
    ),
  );
  const { port } = server.address() as AddressInfo;
  const open = () => openSocket('127.0.0.1', port);
  const sockets = await Promise.all(Array.from({ length: clients }, open));
  try {
    await test(sockets);
  } finally {
    for (const socket of sockets) socket.close();
    for (const socket of server.clients) socket.terminate();
    await new Promise((done) => server.close(done));
  }
}

const submitted =
  (change: object = {}): Answer =>
  (message, _, serial) => {
    const { id } = JSON.parse(message.toString()) as { id: number };
    const result = {
      id: `${1000 + serial}`,
      level: 'durable',
      duplicate: false,
      offset: `${serial}`,
    };
    return JSON.stringify({ jsonrpc: '2.0', id, result: { ...result, ...change } });
  };

/** Outcomes as a node packs them (batch.md B4); `status` of the last one may be bent. */
const outcomes =
  (status = 0): Answer =>
  (message, _, serial) => {
    const count = message.readUInt32LE(12);
    const answer = Buffer.alloc(12 + 40 * count + 4);
    answer.set([1, 2], 0);
    message.copy(answer, 4, 4, 8);
    answer.writeUInt32LE(count, 8);
    for (let i = 0; i < count; i++) {
      answer.writeUInt32LE(serial * count + i, 12 + 40 * i + 8);
      answer.writeBigUInt64LE(BigInt(serial * count + i + 1), 12 + 40 * i + 16);
    }
    answer[12 + 40 * (count - 1)] = status;
    return answer;
  };

const durable = { kind: 'calls', call: 'durable', clients: 3, ms: 30 } as const;
const packed = { kind: 'packed', clients: 2, inFlight: 2, digests: 3000, ms: 30 } as const;

describe('bench: the load generator', () => {
  it('counts every checked answer and keeps samples', () =>
    withServer(submitted(), 3, async (sockets) => {
      const seen = new Seen();
      const result = await runCalls(sockets, durable, seen);
      seen.check();
      assert.ok(result.count >= 3 && result.seconds > 0 && result.p99Ms >= result.p50Ms);
      const [sample] = result.samples;
      assert.match(sample?.digest ?? '', /^[0-9a-f]{64}$/);
      assert.match(sample?.answer ?? '', /"level":"durable"/);
    }));

  it('sends a new digest each time', async () => {
    const digests = new Set<string>();
    let count = 0;
    const spy: Answer = (message, binary, serial) => {
      const { params } = JSON.parse(message.toString()) as { params: { digest: string } };
      digests.add(params.digest);
      count++;
      return submitted()(message, binary, serial);
    };
    await withServer(spy, 3, async (sockets) => {
      await runCalls(sockets, durable, new Seen());
    });
    assert.equal(digests.size, count);
  });

  for (const [what, change] of [
    ['a duplicate', { duplicate: true }],
    ['a lower level', { level: 'accepted' }],
    ['an id that is no number', { id: 'x' }],
  ] as const)
    it(`refuses ${what}`, () =>
      withServer(submitted(change), 3, (sockets) =>
        assert.rejects(runCalls(sockets, durable, new Seen()), { code: 'bench/wrong-answer' }),
      ));

  for (const [what, change] of [
    ['id', { id: '7' }],
    ['offset', { offset: '7' }],
  ] as const)
    it(`sees an ${what} that was given twice`, () =>
      withServer(submitted(change), 3, async (sockets) => {
        const seen = new Seen();
        await runCalls(sockets, durable, seen);
        assert.throws(() => seen.check(), { code: 'bench/wrong-answer' });
      }));

  it('reads packed outcomes that come in many pieces', () =>
    withServer(outcomes(), 2, async (sockets) => {
      const seen = new Seen();
      const result = await runPacked(sockets, packed, seen);
      seen.check();
      assert.ok(result.count >= 4 * packed.digests && result.count % packed.digests === 0);
    }));

  it('refuses a packed outcome that is not new', () =>
    withServer(outcomes(1), 2, (sockets) =>
      assert.rejects(runPacked(sockets, packed, new Seen()), { code: 'bench/wrong-answer' }),
    ));

  it('rejects when the server goes away', () =>
    withServer(submitted(), 3, async (sockets) => {
      const run = runCalls(sockets, { ...durable, ms: 60_000 }, new Seen());
      sockets[1]?.close();
      await assert.rejects(run);
    }));

  it('says that nobody listens', async () => {
    await withServer(submitted(), 0, async () => {});
    await assert.rejects(openSocket('127.0.0.1', 1), { code: 'bench/child-failed' });
  });
});
