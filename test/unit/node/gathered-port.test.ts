import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { GatheredPort } from '../../../node/gathered-port.ts';

describe('a port that gathers', () => {
  const open: MessagePort[] = [];
  afterEach(() => {
    for (const port of open.splice(0)) port.close();
  });

  const pair = () => {
    const { port1, port2 } = new MessageChannel();
    open.push(port1);
    const said: unknown[] = [];
    const raw = port1.postMessage.bind(port1);
    port1.postMessage = (message: unknown) => {
      said.push(message);
      raw(message);
    };
    const heard: number[] = [];
    const listening = new GatheredPort<number>(port2);
    listening.onMessage((message) => heard.push(message));
    return { port: new GatheredPort<number>(port1), other: port2, listening, said, heard };
  };

  it('sends what one turn says, promises included, as one message in order', async () => {
    const { port, other, said, heard } = pair();
    port.say(1);
    void Promise.resolve().then(() => port.say(3));
    port.say(2);
    await once(other, 'message');
    assert.deepEqual(said, [[1, 2, 3]]);
    assert.deepEqual(heard, [1, 2, 3]);
    port.say(4);
    await once(other, 'message');
    assert.deepEqual(heard, [1, 2, 3, 4]);
  });

  it('sends what was said before it closes, and tells the other side', async () => {
    const { port, listening, heard } = pair();
    const closed = new Promise<void>((resolve) => listening.onClose(resolve));
    port.say(1);
    port.close();
    await closed;
    assert.deepEqual(heard, [1]);
  });
});
