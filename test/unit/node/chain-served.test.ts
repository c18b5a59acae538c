import { strict as assert } from 'node:assert';
import type { TransactionStatus } from '../../../chain/index.ts';
import { chainTarget, type ServedParts } from '../../../node/chain-served.ts';

const never = new AbortController().signal;

/** A chain of which the test plays what waiting for a transaction touches. */
function under() {
  const play = { status: { state: 'pending' } as TransactionStatus, looks: 0 };
  const droppedListeners: ((id: Uint8Array) => void)[] = [];
  const chain = {
    reader: {
      head: () => undefined,
      transaction: async () => {
        play.looks++;
        return play.status;
      },
    },
    onFinal: () => () => {},
    mempool: {
      onDropped: (listener: (id: Uint8Array) => void) => {
        droppedListeners.push(listener);
        return () => {};
      },
    },
  };
  const target = chainTarget({ chain } as unknown as ServedParts);
  const drop = (id: Uint8Array) => {
    for (const listener of droppedListeners) listener(id);
  };
  return { play, drop, settled: target['settled'] ?? assert.fail('there is such a method') };
}

describe('waiting for a transaction', () => {
  const { setTimeout } = globalThis;
  // Looking again after a while must not be what helps.
  beforeEach(() => {
    globalThis.setTimeout = (() => setTimeout(() => {}, 0)) as unknown as typeof setTimeout;
  });
  afterEach(() => {
    globalThis.setTimeout = setTimeout;
  });

  it('hears at once that it left the mempool', async () => {
    const { play, drop, settled } = under();
    const id = new Uint8Array(32).fill(7);
    const waiting = settled([id], never);
    while (play.looks === 0) await null;
    drop(new Uint8Array(32));
    play.status = { state: 'dropped', code: 'chain/bad-nonce', reason: 'was used' };
    drop(id);
    assert.deepEqual(await waiting, play.status);
    assert.equal(play.looks, 2);
  });
});
