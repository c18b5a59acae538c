import { strict as assert } from 'node:assert';
import { vouchedHeight } from '../../../node/vouched-height.ts';

const key = (n: number) => new Uint8Array(32).fill(n);
const validators = [1, 2, 3, 4].map((n) => ({ key: key(n), power: 1n }));
const peer = (n: number | undefined, head: number) => ({
  voteKey: n === undefined ? undefined : key(n),
  head,
});

describe('height that validators vouch for', () => {
  it('is what more than a third of the power has, not what one peer says', () => {
    assert.equal(vouchedHeight(validators, [peer(1, 9_000_000), peer(2, 12), peer(3, 11)]), 12);
    assert.equal(vouchedHeight(validators, [peer(1, 9_000_000)]), 0);
    assert.equal(vouchedHeight(validators, []), 0);
    assert.equal(vouchedHeight([{ key: key(1), power: 1n }], [peer(1, 5)]), 5);
  });

  it('counts power, not heads, and exactly a third is not enough', () => {
    const weighted = [4n, 1n, 1n].map((power, i) => ({ key: key(i + 1), power }));
    assert.equal(vouchedHeight(weighted, [peer(1, 7), peer(2, 99), peer(3, 99)]), 7);
  });

  it('believes no peers without a key, no keys of strangers, and of one key the lowest', () => {
    const liars = [peer(undefined, 500), peer(undefined, 500), peer(77, 500), peer(78, 500)];
    assert.equal(vouchedHeight(validators, liars), 0);
    const impostors = [peer(1, 500), peer(2, 500), peer(1, 10), peer(2, 11)];
    assert.equal(vouchedHeight(validators, impostors), 10);
  });
});
