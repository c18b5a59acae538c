import { strict as assert } from 'node:assert';
import { createNotary } from '../../notary/index.ts';
import { MemoryAnchors } from '../support/memory-anchors.ts';
import { memoryParts, partitionsOf } from '../support/memory-notary.ts';
import { realClock } from '../support/real-clock.ts';
import { describeNotary } from './notary.ts';
import { describeNotaryFinality } from './notary-finality.ts';

describeNotary('in memory', async () => {
  const { store, replicator, trust } = memoryParts(partitionsOf(1), realClock);
  const notary = createNotary(
    { replicator, checkpoints: replicator, logStore: store, clock: realClock },
    { checkpointMsMin: 2 },
  );
  return { notary, trust, close: async () => replicator.close() };
});

describeNotaryFinality('in memory', async () => {
  const { store, replicator } = memoryParts(partitionsOf(1), realClock);
  const anchors = new MemoryAnchors();
  const deps = { replicator, checkpoints: replicator, logStore: store, clock: realClock, anchors };
  const again = () => createNotary({ ...deps, onError: (e) => assert.fail(String(e)) });
  const notary = again();
  const close = async () => {
    await notary.drain();
    replicator.close();
  };
  return { notary, anchors, again, close };
});

describe('Notary without a chain', () => {
  it('says so when finality is asked for, and works as before', async () => {
    const { store, replicator } = memoryParts(partitionsOf(1), realClock);
    const notary = createNotary({
      replicator,
      checkpoints: replicator,
      logStore: store,
      clock: realClock,
    });
    const submission = { algorithm: 'sha256', digest: new Uint8Array(32), submitter: '' } as const;
    const [outcome] = await notary.submit([submission], { waitFor: 'checkpoint' });
    assert.ok(outcome?.ok && outcome.submitted.receipt !== undefined);
    const { id, receipt, origin } = outcome.submitted;
    const noChain = { code: 'chain/no-chain' };
    await assert.rejects(notary.receipt(id, { waitFor: 'final' }), noChain);
    await assert.rejects(notary.upgrade(receipt, { waitFor: 'final' }), noChain);
    assert.throws(() => notary.subscribeFinal(origin, new AbortController().signal), noChain);
    assert.throws(() => notary.subscribeReceipts([id], new AbortController().signal), noChain);
    assert.deepEqual(await notary.upgrade(receipt), receipt);
    assert.deepEqual(await notary.upgrade(receipt, { byHistory: true }), receipt);
    replicator.close();
  });
});
