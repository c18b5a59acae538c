import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import * as r from '../../../receipt/index.ts';
import { trustRootFor, votersOf } from '../../support/final-chain.ts';
import { codeOf, NETWORK, ORIGIN, policy, replica, SCOPE, unwrap } from './support.ts';

describe('trust', () => {
  const store: r.TrustStore = { policies: [policy(3, 2), policy(4, 3, 1, ORIGIN)] };

  it('round-trips; white space is free, fields are not (T1)', () => {
    const text = r.formatTrustStore(store);
    assert.deepEqual(unwrap(r.parseTrustStore(text)), store);
    assert.deepEqual(unwrap(r.parseTrustStore(JSON.stringify(JSON.parse(text)))), store);
    const edit = (from: string, to: string) => codeOf(r.parseTrustStore(text.replace(from, to)));
    assert.equal(edit('"version": 1', '"version": 3'), 'receipt/newer-version');
    assert.equal(edit('"version": 1', '"version": 2'), 'receipt/bad-trust', 'chains are missing');
    assert.equal(edit('"version": 1', '"version": 0'), 'receipt/bad-trust');
    assert.equal(edit('"version": 1', '"version": 1, "extra": 1'), 'receipt/bad-trust');
    assert.equal(edit('"threshold": 2', '"threshold": "2"'), 'receipt/bad-trust');
    assert.equal(edit('"threshold": 2,', ''), 'receipt/bad-trust');
    assert.equal(edit('"threshold": 2', '"threshold": 1'), 'receipt/bad-trust');
    assert.equal(edit('node-0+', 'node-1+'), 'receipt/bad-key');
    assert.equal(codeOf(r.parseTrustStore('{}')), 'receipt/bad-trust');
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, junk) => {
        const shape = { pyralog: 'trust', version: 1 };
        codeOf(r.parseTrustStore(junk));
        codeOf(r.parseTrustStore(JSON.stringify({ ...shape, policies: value })));
        codeOf(r.parseTrustStore(JSON.stringify({ ...shape, policies: [value] })));
      }),
    );
  });

  it('takes the longest scope that covers the origin (T2)', () => {
    const scopeOf = (origin: string) => r.findPolicy(store, origin)?.scope;
    assert.equal(scopeOf(ORIGIN), ORIGIN);
    assert.equal(scopeOf(`${ORIGIN}/sha256`), ORIGIN);
    assert.equal(scopeOf(`${ORIGIN}0`), SCOPE, 'a longer number is another partition');
    assert.equal(scopeOf(`${SCOPE}/notary/1`), SCOPE);
    assert.equal(scopeOf(`${SCOPE}x/notary/0`), undefined);
    assert.equal(scopeOf('pyralog'), undefined);
    const reversed = { policies: [...store.policies].reverse() };
    assert.equal(r.findPolicy(reversed, ORIGIN)?.scope, ORIGIN);
    const twice = { policies: [policy(1, 1), policy(3, 2)] };
    assert.throws(() => r.formatTrustStore(twice), { code: 'receipt/bad-trust' });
  });

  it('wants a majority that outvotes the faults, of distinct keys of the cluster (T3)', () => {
    for (let n = 0; n <= 7; n++) {
      for (let k = 0; k <= n + 1; k++) {
        for (let f = 0; f <= n; f++) {
          const valid = k >= 1 && k <= n && 2 * k > n + f;
          assert.equal(r.checkPolicy(policy(n, k, f)) === undefined, valid, `${k} of ${n}, ${f}`);
        }
      }
    }
    const [a, b] = [replica(0).key, replica(1).key];
    const renamed = r.verificationKey(`${SCOPE}/node-9`, 'cosignature', a.publicKey);
    const namesake = r.verificationKey(a.name, 'cosignature', b.publicKey);
    const foreign = replica(1, `${SCOPE}x/node-1`).key;
    const log = r.verificationKey(`${ORIGIN}/sha256`, 'log', b.publicKey);
    for (const key of [a, renamed, namesake, foreign, log]) {
      const bad = { scope: SCOPE, keys: [a, key], threshold: 2, faults: 0 };
      assert.ok(r.checkPolicy(bad), key.name);
    }
    assert.equal(r.checkPolicy({ scope: SCOPE, keys: [a, b], threshold: 2, faults: 0 }), undefined);
    for (const scope of ['', 'pyralog', `${SCOPE}/notary`, `${SCOPE}/`, `${ORIGIN}/x`]) {
      assert.ok(r.checkPolicy(policy(1, 1, 0, scope)), scope);
    }
    const many = Array.from({ length: 65 }, (_, i) => replica(i).key);
    assert.ok(r.checkPolicy({ scope: SCOPE, keys: many, threshold: 40, faults: 0 }));
    assert.ok(r.coversLiars(policy(4, 3, 1)) && !r.coversLiars(policy(4, 3, 0)));
  });

  it('pins chains in version 2, one a network, of sets that could be (T5, F1)', () => {
    const voters = votersOf([5n, 3n, 3n]);
    const root = trustRootFor(NETWORK, voters, 12);
    const other = { ...root, network: 'devnet-0000000000000000', height: 0 };
    const pinned = { ...store, chains: [root, other] };
    const text = r.formatTrustStore(pinned);
    assert.deepEqual(unwrap(r.parseTrustStore(text)), pinned);
    assert.deepEqual(r.findChain(pinned, NETWORK), root);
    assert.equal(r.findChain(pinned, 'devnet-1111111111111111'), undefined);
    assert.equal(r.formatTrustStore({ ...store, chains: [] }), r.formatTrustStore(store));
    const empty = text.replace(/"chains": .*\]/s, '"chains": []');
    assert.deepEqual(unwrap(r.parseTrustStore(empty)), store);
    const [a, b, c] = root.validators;
    assert.ok(a && b && c);
    for (const change of [
      { network: 'devnet' },
      { height: -1 },
      { height: 2 ** 53 },
      { validators: [] },
      { validators: [b, a, c] },
      { validators: [a, b, b] },
      { validators: [a, b, { ...c, name: b.name }] },
      { validators: [{ ...a, name: 'a/b' }] },
      { validators: [{ ...a, power: 0n }] },
      { validators: [{ ...a, power: 2n ** 60n }, b] },
      { validators: [{ ...a, key: new Uint8Array(32) }] },
      { validators: Array.from({ length: 1_025 }, () => a) },
      { maxDelayMs: 3_600_001 },
      { precisionMs: -1 },
    ]) {
      const bad = { ...store, chains: [{ ...root, ...change }] };
      assert.throws(() => r.formatTrustStore(bad), { code: 'receipt/bad-trust' });
    }
    const twice = { ...store, chains: [root, root] };
    assert.throws(() => r.formatTrustStore(twice), { code: 'receipt/bad-trust' });
  });

  it('reads chains strictly and never throws (T5)', () => {
    const text = r.formatTrustStore({
      ...store,
      chains: [trustRootFor(NETWORK, votersOf([5n, 3n]))],
    });
    const edit = (from: string, to: string) => {
      assert.ok(text.includes(from), from);
      return codeOf(r.parseTrustStore(text.replace(from, to)));
    };
    assert.equal(edit('"version": 2', '"version": 1'), 'receipt/bad-trust');
    assert.equal(edit('"version": 2', '"version": 3'), 'receipt/newer-version');
    assert.equal(edit('"height": "0"', '"height": 0'), 'receipt/bad-trust');
    assert.equal(edit('"power": "5"', '"power": 5'), 'receipt/bad-trust');
    assert.equal(edit('"power": "5"', '"power": "05"'), 'receipt/bad-trust');
    assert.equal(edit('"power": "5"', '"power": "1"'), 'receipt/bad-trust');
    assert.equal(edit('"maxDelayMs": 2000', '"maxDelayMs": "2000"'), 'receipt/bad-trust');
    assert.equal(edit('"maxDelayMs": 2000', '"maxDelayMs": 2000, "more": 1'), 'receipt/bad-trust');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shape = JSON.parse(text);
        codeOf(r.parseTrustStore(JSON.stringify({ ...shape, chains: value })));
        codeOf(r.parseTrustStore(JSON.stringify({ ...shape, chains: [value] })));
        for (const name of Object.keys(shape.chains[0])) {
          const chains = [{ ...shape.chains[0], [name]: value }];
          codeOf(r.parseTrustStore(JSON.stringify({ ...shape, chains })));
        }
      }),
    );
  });
});
