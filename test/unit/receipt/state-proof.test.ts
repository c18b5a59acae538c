import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { modelProof, modelRoot, type StateMap, withChanges } from '../../support/state-model.ts';
import { codeOf, vectors } from './support.ts';

interface StateVectors {
  readonly hashes: Readonly<Record<string, string>>;
  readonly versions: readonly {
    readonly changes: readonly (readonly [string, string | null])[];
    readonly count: number;
    readonly root: string;
  }[];
  readonly proofs: readonly Case[];
  readonly refused: readonly (Case & { readonly why: string; root: string; code: string })[];
}

interface Case {
  readonly key: string;
  readonly value: string | null;
  readonly proof: string;
}

const file: StateVectors = JSON.parse(vectors('state.json'));
const bytes = (hex: string | undefined) => fromHex(hex ?? 'none') ?? assert.fail('not hex');
const maybe = (hex: string | null) => (hex === null ? undefined : bytes(hex));

const keys = fc.integer({ min: 0, max: 60 }).map((i) => Uint8Array.of(i));
const maps = fc
  .array(fc.tuple(keys, fc.uint8Array({ maxLength: 3 })), { maxLength: 40 })
  .map((entries) => withChanges(new Map(), entries));

/** The proof with one bit turned, each in turn. */
function* flips(proof: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < proof.length * 8; bit++) {
    yield proof.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  }
}

const valueIn = (map: StateMap, key: Uint8Array) => map.get(toHex(key));

describe('state proofs', function () {
  this.timeout(60_000); // every bit of many proofs

  it('hash as the vectors say (U1, U2)', () => {
    const { hashes } = file;
    const path = r.statePath(bytes(hashes['key']));
    const valueHash = r.stateValueHash(bytes(hashes['value']));
    const leaf = r.stateLeafHash(path, valueHash);
    const made = {
      path,
      valueHash,
      leaf,
      node: r.stateNodeHash(leaf, path),
      empty: r.STATE_EMPTY_ROOT,
    };
    for (const [name, hash] of Object.entries(made)) assert.equal(toHex(hash), hashes[name], name);
  });

  it('of the vectors are accepted; changed ones are refused for the stated reason (U7, U8)', () => {
    const root = bytes(file.versions.at(-1)?.root);
    for (const { key, value, proof } of file.proofs) {
      const verdict = r.verifyStateProof(root, bytes(key), maybe(value), bytes(proof));
      assert.deepEqual(verdict, { ok: true, value: value === null ? 'absent' : 'present' });
    }
    for (const { why, root: under, key, value, proof, code } of file.refused) {
      const verdict = r.verifyStateProof(bytes(under), bytes(key), maybe(value), bytes(proof));
      assert.equal(codeOf(verdict), code, why);
    }
    const kinds = new Set(file.proofs.map(({ proof }) => proof.slice(0, 2)));
    assert.deepEqual([...kinds].sort(), ['00', '01', '02']);
  });

  it('are accepted for exactly what the state holds', () => {
    fc.assert(
      fc.property(maps, keys, (map, key) => {
        const root = modelRoot(map);
        const proof = modelProof(map, key);
        const value = valueIn(map, key);
        assert.ok(r.verifyStateProof(root, key, value, proof).ok);
        const opposite = value === undefined ? Uint8Array.of(1) : undefined;
        assert.equal(codeOf(r.verifyStateProof(root, key, opposite, proof)), 'receipt/bad-path');
        const other = Uint8Array.of(9, 9, 9, 9);
        assert.equal(codeOf(r.verifyStateProof(root, key, other, proof)), 'receipt/bad-path');
        const under = modelRoot(withChanges(map, [[key, other]]));
        assert.equal(codeOf(r.verifyStateProof(under, key, value, proof)), 'receipt/bad-path');
      }),
    );
  });

  it('are refused with any bit turned, under the same and under the opposite claim', () => {
    fc.assert(
      fc.property(maps, keys, (map, key) => {
        const root = modelRoot(map);
        const value = valueIn(map, key);
        for (const wrong of flips(modelProof(map, key))) {
          assert.ok(!r.verifyStateProof(root, key, value, wrong).ok);
          assert.ok(!r.verifyStateProof(root, key, undefined, wrong).ok);
        }
      }),
      { numRuns: 12 },
    );
  });

  it('of absence need a leaf that belongs where it stands, even under a root that no state has', () => {
    const key = Uint8Array.of(1);
    const path = r.statePath(key);
    const onSide = (right: boolean) => {
      const other = path.map((byte, i) =>
        i === 0 ? (byte & 0x7f) | (right ? 0x80 : 0) : byte ^ 1,
      );
      const leaf = r.stateLeafHash(other, path);
      const beside = r.stateValueHash(key);
      const turn = r.stateBit(path, 0);
      const root = turn ? r.stateNodeHash(beside, leaf) : r.stateNodeHash(leaf, beside);
      const proof = Uint8Array.from([2, 1, 0, 0x80, ...beside, ...other, ...path]);
      return r.verifyStateProof(root, key, undefined, proof);
    };
    assert.ok(onSide(r.stateBit(path, 0)).ok);
    assert.equal(codeOf(onSide(!r.stateBit(path, 0))), 'receipt/bad-path');
  });

  it('are values, never exceptions, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), keys, (noise, key) => {
        const root = modelRoot(new Map([['00', key]]));
        assert.ok(!r.verifyStateProof(root, Uint8Array.of(1, 2), key, noise).ok);
        assert.ok(!r.verifyStateProof(key, key, undefined, noise).ok);
      }),
    );
  });
});
