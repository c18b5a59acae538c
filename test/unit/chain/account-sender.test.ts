import { strict as assert } from 'node:assert';
import { PyralogError } from '../../../base/errors.ts';
import {
  AccountSender,
  createAnchorChain,
  decodeTransaction,
  transactionId,
} from '../../../chain/index.ts';
import type { ChainErrorCode, TransactionStatus } from '../../../chain/types.ts';
import { createSeedSigner } from '../../../consensus/index.ts';
import { SimClock } from '../../../devnet/sim/clock.ts';

const NETWORK = 'devnet-0011223344556677';
const body = { kind: 'transfer', to: new Uint8Array(32), amount: 1n } as const;

/** A sender over a chain that the test plays. */
function under(feeMax?: bigint) {
  const clock = new SimClock();
  const fees: bigint[] = [];
  const nonces: bigint[] = [];
  const listeners = new Set<() => void>();
  const play = {
    next: 0n,
    refusals: [] as [ChainErrorCode, Record<string, bigint>?][],
    status: { state: 'pending' } as TransactionStatus,
  };
  const sender = new AccountSender({
    clock,
    network: NETWORK,
    parameters: { feeBase: 1_000n, feePerByte: 10n },
    ...(feeMax === undefined ? {} : { feeMax }),
    signer: createSeedSigner(new Uint8Array(32).fill(4)),
    reader: { nextNonce: async () => play.next, transaction: async () => play.status },
    submit: async (bytes) => {
      const decoded = decodeTransaction(bytes);
      assert.ok(decoded.ok);
      fees.push(decoded.value.fee);
      nonces.push(decoded.value.nonce);
      const refusal = play.refusals.shift();
      if (refusal !== undefined)
        throw new PyralogError(refusal[0], 'no', { data: refusal[1] ?? {} });
      play.next++;
    },
    onFinal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const block = () => {
    for (const listener of [...listeners]) listener();
  };
  return { sender, clock, fees, nonces, play, block };
}

describe('sender of an account (A6)', () => {
  it('gives tasks that send at once nonces of their own', async () => {
    const { sender, nonces } = under();
    const sent = await Promise.all([sender.send(body), sender.send(body), sender.send(body)]);
    assert.deepEqual(nonces, [0n, 1n, 2n]);
    assert.deepEqual(
      sent.map(({ nonce }) => nonce),
      nonces,
    );
    assert.equal(transactionId(new Uint8Array()).length, sent[0]?.id.length);
  });

  it('tries again when a nonce was taken, and raises the fee as far as it takes', async () => {
    const { sender, fees, play } = under();
    play.refusals = [['chain/bad-nonce'], ['chain/fee-too-low', { minimum: 9_999n }]];
    await sender.send(body);
    assert.equal(fees.length, 3);
    assert.deepEqual([fees[0] === fees[1], fees[2]], [true, 9_999n]);
  });

  it('pays no sum that is out of proportion, and tries nothing that cannot help', async () => {
    const { sender, play, fees } = under();
    play.refusals = [['chain/fee-too-low', { minimum: 10_000_000n }]];
    await assert.rejects(sender.send(body), { code: 'chain/fee-too-low' });
    play.refusals = [['chain/mempool-full']];
    await assert.rejects(sender.send(body), { code: 'chain/mempool-full' });
    play.refusals = Array.from({ length: 100 }, () => ['chain/bad-nonce']);
    await assert.rejects(sender.send(body), { code: 'chain/bad-nonce' });
    assert.ok(fees.length < 20);
    play.refusals = [];
    assert.equal((await sender.send(body)).nonce, 0n, 'one failure does not stop the next');
  });

  it('pays no more than it may: not to begin with, and not to replace (A6)', async () => {
    const dear = under(1_000n);
    await assert.rejects(dear.sender.send(body), { code: 'chain/fee-too-low' });
    assert.deepEqual(dear.fees, [], 'nothing is signed that must not be paid');
    const bounded = under(5_000n);
    bounded.play.refusals = [['chain/fee-too-low', { minimum: 5_000n }]];
    await bounded.sender.send(body);
    assert.equal(bounded.fees.at(-1), 5_000n);
    bounded.play.refusals = [['chain/fee-too-low', { minimum: 5_001n }]];
    await assert.rejects(bounded.sender.send(body), { code: 'chain/fee-too-low' });
  });

  it('says once that anchors cost more than may be paid, and shows it', async () => {
    const lines: string[] = [];
    const note = (_: unknown, line: string) => lines.push(line);
    const chain = createAnchorChain({
      clock: new SimClock(),
      network: NETWORK,
      parameters: { feeBase: 1_000n, feePerByte: 10n },
      signer: createSeedSigner(new Uint8Array(32).fill(4)),
      reader: {
        nextNonce: async () => 0n,
        transaction: async () => ({ state: 'unknown' }),
        log: async () => undefined,
        anchor: async () => undefined,
        block: async () => undefined,
      },
      submit: () => assert.fail('nothing is sent'),
      onFinal: () => () => {},
      feeMax: 1_000n,
      log: { debug() {}, info: note, warn: note, error: note },
    });
    const checkpoint = { origin: 'a/b', size: 1, roots: [], note: '' };
    for (let i = 0; i < 2; i++) {
      await assert.rejects(chain.submit({ checkpoint, from: 0, consistency: [] }), {
        code: 'consensus/anchor-refused',
      });
    }
    assert.deepEqual([chain.figures().tooDear, chain.figures().sent], [1, 0]);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /anchor\.feeMax/);
    chain.stop();
  });

  it('follows to the block, and sees that it was lost or stands behind a gap', async () => {
    const { sender, play, block, clock } = under();
    const sent = await sender.send(body);
    const following = sender.outcome(sent);
    play.status = { state: 'final', height: 7, index: 0, time: 1 };
    await new Promise<void>((resolve) => setImmediate(resolve));
    block();
    assert.deepEqual(await following, { height: 7 });
    play.status = { state: 'unknown' };
    assert.equal(await sender.outcome(sent), undefined);
    play.status = { state: 'pending' };
    play.next = 5n;
    const behind = await sender.send(body);
    const waiting = sender.outcome(behind);
    await new Promise<void>((resolve) => setImmediate(resolve));
    play.next = 2n;
    // No block comes: it looks by itself after a while.
    assert.ok(clock.advance());
    assert.equal(await waiting, undefined);
  });

  it('stops', async () => {
    const { sender } = under();
    const sent = await sender.send(body);
    const following = sender.outcome(sent);
    await new Promise<void>((resolve) => setImmediate(resolve));
    sender.stop();
    await assert.rejects(following, { code: 'chain/stopped' });
    await assert.rejects(sender.send(body), { code: 'chain/stopped' });
  });
});
