import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { gather, type StreamInside, withFewerUpdates } from '../../../net/libp2p/thrift.ts';

/** Calls of the system that a socket makes, one a write or one a list of writes. */
function countWrites(socket: Socket): () => number {
  let count = 0;
  const inside = socket as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>;
  for (const name of ['_write', '_writev'] as const) {
    const own = inside[name].bind(socket);
    inside[name] = (...args) => {
      count++;
      own(...args);
    };
  }
  return () => count;
}

describe('net: a socket that gathers', () => {
  let dialled: Socket;
  let accepted: Socket;
  let close: () => Promise<void>;

  beforeEach(async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const incoming = once(server, 'connection');
    dialled = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    [accepted] = (await incoming) as [Socket];
    if (dialled.connecting) await once(dialled, 'connect');
    close = async () => {
      dialled.destroy();
      accepted.destroy();
      await new Promise((done) => server.close(done));
    };
  });
  afterEach(() => close());

  const received = async (length: number) => {
    let text = '';
    for await (const chunk of accepted.setEncoding('latin1')) {
      text += String(chunk);
      if (text.length >= length) return text;
    }
    return text;
  };

  it('writes what one turn sent in one call, in order', async () => {
    const writes = countWrites(dialled);
    gather(dialled);
    dialled.write('one ');
    await Promise.resolve();
    dialled.write('two ');
    dialled.write('three');
    assert.equal(await received(13), 'one two three');
    assert.equal(writes(), 1);
  });

  it('writes again in the next turn', async () => {
    const writes = countWrites(dialled);
    gather(dialled);
    dialled.write('one ');
    await new Promise((done) => setImmediate(() => setImmediate(done)));
    dialled.write('two');
    assert.equal(await received(7), 'one two');
    assert.equal(writes(), 2);
  });

  it('loses nothing at the end', async () => {
    gather(dialled);
    dialled.write('one ');
    dialled.end('two');
    assert.equal(await received(8), 'one two');
  });
});

describe('net: window updates of yamux', () => {
  const stream = (state: number, recvWindowCapacity: number) => {
    const updates: number[] = [];
    const inside: StreamInside = {
      state,
      recvWindow: 1000,
      recvWindowCapacity,
      sendWindowUpdate: () => updates.push(recvWindowCapacity),
    };
    withFewerUpdates(inside).sendWindowUpdate();
    return updates.length;
  };
  const [begun, established, answered] = [0, 3, 2];

  it('are sent once a quarter of the window is used', () => {
    assert.equal(stream(established, 999), 0);
    assert.equal(stream(established, 751), 0);
    assert.equal(stream(established, 750), 1);
    assert.equal(stream(established, 0), 1);
  });

  it('are sent whatever is used when they open a stream', () => {
    assert.equal(stream(begun, 1000), 1);
    assert.equal(stream(answered, 1000), 1);
  });
});
