import { strict as assert } from 'node:assert';
import { Lane } from '../../../bench/consensus/lane.ts';
import type { Answer, Link } from '../../../bench/consensus/link.ts';
import { submitJson } from '../../../bench/consensus/submit.ts';
import { Tally } from '../../../bench/consensus/tally.ts';

const EVICTED = { state: 'dropped', code: 'chain/mempool-full' };

/** A lane to a node that evicts what it took, and then says in turn what became of it. */
function laneTo(later: unknown[]): Lane {
  const taken: Answer = { ok: true, result: { id: '00', status: EVICTED } };
  const link = { call: async () => taken, need: async () => later.shift() };
  const parameters = { feeBase: 0n, feePerByte: 0n };
  return new Lane(new Uint8Array(32), link as unknown as Link, { network: 'bench', parameters });
}

describe('a transaction that is evicted under overload', () => {
  it('counts when another node has it in a block', async () => {
    const tally = new Tally();
    await submitJson(laneTo([EVICTED, { state: 'final' }]), new Uint8Array(200), tally);
    assert.equal(tally.result().count, 1);
  });

  it('is a wrong answer when it was dropped for another reason', async () => {
    const refused = { state: 'dropped', code: 'chain/nonce' };
    const submitted = submitJson(laneTo([refused]), new Uint8Array(200), new Tally());
    await assert.rejects(submitted, { code: 'bench/wrong-answer' });
  });
});
