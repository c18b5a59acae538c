import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { dial, post, request, startFake } from '../../support/rpc-server.ts';

const HALF = 300_000;

/** A POST that announces more than it sends. */
async function halfPost(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}); // a reset is one way of being cut
  await once(socket, 'connect');
  const head = [
    'POST / HTTP/1.1',
    `Host: ${hostname}`,
    'Content-Type: application/json',
    `Content-Length: ${HALF + 1}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${' '.repeat(HALF)}`);
  return socket;
}

describe('half-sent messages (R4)', () => {
  it('are cut when they take too long, over HTTP and WebSocket', async () => {
    const { server, http, ws, logged } = await startFake({ limits: { messageMsMax: 300 } });
    const slow = await halfPost(http);
    const socket = await dial(ws);
    const raw = (socket.socket as unknown as { _socket: Socket })._socket;
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 5, 0, 0, 1, 2, 3, 4]); // 327,680 bytes, masked
    raw.write(Buffer.concat([header, Buffer.alloc(HALF)]));
    await Promise.all([once(slow, 'close'), once(socket.socket, 'close')]);
    assert.deepEqual(
      logged.map(({ fields }) => (fields as { why: string }).why),
      Array(2).fill('a message took too long to arrive'),
    );
    await server.stop();
  });

  it('are cut, the largest first, when together they hold too much; whole ones are not', async () => {
    const { server, http, ws } = await startFake({
      limits: { receiveBytesMax: 2 * HALF + 100_000 },
    });
    const calm = await dial(ws);
    const half = await Promise.all([halfPost(http), halfPost(http), halfPost(http)]);
    await Promise.race(half.map((socket) => once(socket, 'close')));
    calm.socket.send(request('net_version'));
    assert.ok((await calm.reply()).result);
    assert.equal((await post(http, request('net_version'))).status, 200);
    for (const socket of half) socket.destroy();
    calm.socket.close();
    await server.stop();
  });
});
