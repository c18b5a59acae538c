import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { codeOf, editsOf, unwrap, vectors } from './support.ts';

const genesis: r.Genesis = { network: 'devnet', time: 1790000000000, salt: new Uint8Array(16) };

describe('identity', () => {
  it('makes the network ids of the vectors (I2, I3)', () => {
    const rows: { cbor: string; hash: string; networkId: string }[] = JSON.parse(
      vectors('identity.json'),
    ).genesis;
    for (const { cbor, hash, networkId } of rows) {
      const value = unwrap(r.decodeGenesis(fromHex(cbor) ?? new Uint8Array()));
      assert.equal(toHex(r.genesisHash(value)), hash);
      assert.equal(r.networkId(value), networkId);
      assert.ok(r.isNetworkId(networkId));
      assert.deepEqual(unwrap(r.parseGenesisJson(r.formatGenesisJson(value))), value);
    }
  });

  it('gives a wiped network another id (I6)', () => {
    const again = { ...genesis, salt: new Uint8Array(16).fill(1) };
    assert.notEqual(r.networkId(genesis), r.networkId(again));
    assert.notEqual(r.networkId(genesis), r.networkId({ ...genesis, time: 0 }));
  });

  it('reads one encoding of a genesis document only (I2)', () => {
    const cbor = r.encodeGenesis(genesis);
    const decoded = unwrap(r.decodeGenesis(cbor));
    assert.deepEqual(decoded, genesis);
    for (const edited of editsOf(cbor)) {
      const other = r.decodeGenesis(edited);
      if (other.ok) assert.deepEqual(r.encodeGenesis(other.value), edited);
    }
    assert.equal(
      codeOf(r.decodeGenesis(cbor.map((b, i) => (i === 2 ? 2 : b)))),
      'receipt/newer-version',
    );
    const [head = 0, ...rest] = cbor;
    const more = Uint8Array.of(head + 1, ...rest, 5, 0);
    assert.equal(codeOf(r.decodeGenesis(more)), 'receipt/not-canonical');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void codeOf(r.decodeGenesis(bytes))),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shape = { pyralog: 'genesis', version: 1, network: 'a', time: '1', salt: '00' };
        codeOf(r.parseGenesisJson(JSON.stringify(value)));
        for (const name of Object.keys(shape)) {
          codeOf(r.parseGenesisJson(JSON.stringify({ ...shape, [name]: value })));
        }
      }),
    );
    for (const bad of [{ network: 'A' }, { time: -1 }, { salt: new Uint8Array(15) }]) {
      assert.throws(() => r.encodeGenesis({ ...genesis, ...bad }), { code: 'receipt/bad-genesis' });
      assert.throws(() => r.formatGenesisJson({ ...genesis, ...bad }), {
        code: 'receipt/bad-genesis',
      });
    }
  });

  it('round-trips origins and refuses all else (I1, I4)', () => {
    const network = r.networkId(genesis);
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/);
    fc.assert(
      fc.property(
        name,
        name,
        fc.nat(2 ** 32 - 1),
        fc.boolean(),
        (cluster, log, partition, sha256) => {
          const origin = { network, cluster, log, partition, sha256 };
          assert.deepEqual(unwrap(r.parseOrigin(r.formatOrigin(origin))), origin);
        },
      ),
    );
    const good = `pyralog/${network}/local/notary/0`;
    for (const bad of [
      '',
      `/${good}`,
      `${good}/`,
      `${good}/sha512`,
      `${good}/sha256/sha256`,
      good.replace('/0', '/00'),
      good.replace('/0', '/4294967296'),
      good.replace('/0', '/-1'),
      good.replace('/0', ''),
      good.replace('local', 'Local'),
      good.replace('local', ''),
      good.replace('local', '-x'),
      good.replace('notary', 'a b'),
      good.replace('notary', 'a+b'),
      good.replace('notary', 'a'.repeat(64)),
      good.replace('devnet-', 'devnet-0'),
      good.replace('devnet-', '1-'),
      `${good}\n`,
    ]) {
      assert.equal(codeOf(r.parseOrigin(bad)), 'receipt/malformed', bad);
    }
    assert.throws(() =>
      r.formatOrigin({ network, cluster: 'a', log: 'b', partition: 0.5, sha256: false }),
    );
    assert.throws(() => r.clusterScope('devnet', 'local'), { code: 'receipt/malformed' });
    assert.throws(() => r.replicaKeyName(network, 'local', '0'), { code: 'receipt/malformed' });
    assert.equal(r.clusterScopeOf(good), `pyralog/${network}/local`);
    assert.equal(r.clusterScopeOf(`pyralog/${network}/local/notary`), undefined);
    assert.ok(r.isName('node', 'node-0') && !r.isName('node', '0-node') && r.isName('log', '0'));
  });

  describe('of a network with a chain (I7)', () => {
    const rows: { json?: string; trust?: string; cbor: string; networkId: string }[] = JSON.parse(
      vectors('identity.json'),
    ).genesis;
    const withChain = rows.flatMap(({ json, trust, ...row }) =>
      json === undefined || trust === undefined ? [] : [{ ...row, json, trust }],
    );
    const known = withChain[0] ?? assert.fail('a genesis with a chain');
    const document = unwrap(r.parseGenesisJson(known.json));
    const chain = document.chain ?? assert.fail('its chain');

    it('reads and writes both forms, and pins what follows from them (F1, T5)', () => {
      assert.equal(withChain.length, 2);
      for (const { json, trust, cbor, networkId } of withChain) {
        const value = unwrap(r.parseGenesisJson(json));
        assert.deepEqual(unwrap(r.decodeGenesis(fromHex(cbor) ?? new Uint8Array())), value);
        assert.equal(r.formatGenesisJson(value), json);
        assert.equal(toHex(r.encodeGenesis(value)), cbor);
        const root = r.trustRootOf(value) ?? assert.fail('a trust root');
        assert.deepEqual([root.network, root.height], [networkId, 0]);
        assert.deepEqual(unwrap(r.parseTrustStore(trust)), { policies: [], chains: [root] });
      }
      assert.equal(r.trustRootOf(genesis), undefined, 'a network without a chain');
    });

    it('gives every change of the chain another network id', () => {
      const ids = new Set([r.networkId(document), r.networkId(genesis)]);
      const [first, ...others] = chain.validators;
      assert.ok(first);
      const { parameters } = chain;
      for (const change of [
        { validators: others },
        { validators: [{ ...first, power: 41n }, ...others] },
        { validators: [{ ...first, account: new Uint8Array(32).fill(9) }, ...others] },
        { accounts: [] },
        { parameters: { ...parameters, feeBase: 0n } },
        { parameters: { ...parameters, precisionMs: 501 } },
      ]) {
        ids.add(r.networkId({ ...document, chain: { ...chain, ...change } }));
      }
      assert.equal(ids.size, 8);
    });

    it('refuses sets out of order or doubled, amounts out of bounds, keys nobody has', () => {
      const [a, b, c, d] = chain.validators;
      const [one, two] = chain.accounts;
      assert.ok(a && b && c && d && one && two);
      const { parameters } = chain;
      const parameter = (change: Partial<r.ChainParameters>) => ({
        parameters: { ...parameters, ...change },
      });
      const bad: Partial<r.GenesisChain>[] = [
        { validators: [] },
        { validators: [b, a] },
        { validators: [a, a] },
        { validators: [a, { ...b, name: a.name }] },
        { validators: [{ ...a, name: 'Node' }] },
        { validators: [{ ...a, power: 0n }] },
        { validators: [{ ...a, power: 2n ** 60n + 1n }] },
        { validators: [{ ...a, key: new Uint8Array(32) }] },
        { validators: [{ ...a, key: a.key.slice(1) }] },
        { validators: [{ ...a, account: new Uint8Array(31) }] },
        { accounts: [two, one] },
        { accounts: [one, one] },
        { accounts: [{ ...one, balance: 0n }] },
        { accounts: [{ ...one, balance: 2n ** 63n }] },
        { accounts: [one, { ...two, balance: 2n ** 63n - 1n }] },
        { accounts: [{ ...one, key: new Uint8Array(33) }] },
        parameter({ blockBytesMax: 1_023 }),
        parameter({ blockBytesMax: 4_000_001 }),
        parameter({ feeBase: 2n ** 40n }),
        parameter({ feePerByte: -1n }),
        parameter({ maxDelayMs: 3_600_001 }),
        parameter({ precisionMs: 0.5 }),
      ];
      for (const change of bad) {
        const value = { ...document, chain: { ...chain, ...change } };
        assert.throws(() => r.encodeGenesis(value), { code: 'receipt/bad-genesis' });
        assert.throws(() => r.formatGenesisJson(value), { code: 'receipt/bad-genesis' });
      }
    });

    it('reads one encoding only, and never throws', () => {
      const short = fromHex(withChain[1]?.cbor ?? '') ?? assert.fail('hex');
      for (const edited of editsOf(short)) {
        const other = r.decodeGenesis(edited);
        if (other.ok) assert.deepEqual(Uint8Array.from(r.encodeGenesis(other.value)), edited);
        else codeOf(other);
      }
      const shape = JSON.parse(known.json);
      const codeWith = (change: object) =>
        codeOf(
          r.parseGenesisJson(JSON.stringify({ ...shape, chain: { ...shape.chain, ...change } })),
        );
      assert.equal(codeWith({}), 'verified');
      const [validator] = shape.chain.validators;
      for (const change of [
        { engine: 'pow' },
        { engine: 1 },
        { extra: 1 },
        { validators: {} },
        { validators: [{ ...validator, power: 40 }] },
        { validators: [{ ...validator, power: '040' }] },
        { validators: [{ ...validator, key: validator.key.toUpperCase() }] },
        { validators: [{ ...validator, note: '' }] },
        { accounts: [null] },
        { parameters: { ...shape.chain.parameters, feeBase: 1000 } },
        { parameters: { ...shape.chain.parameters, extra: 1 } },
        { parameters: null },
      ]) {
        assert.equal(codeWith(change), 'receipt/bad-genesis', JSON.stringify(change));
      }
      fc.assert(
        fc.property(fc.jsonValue(), (value) => {
          codeOf(r.parseGenesisJson(JSON.stringify({ ...shape, chain: value })));
          for (const name of Object.keys(shape.chain)) codeWith({ [name]: value });
          codeWith({ validators: [value], accounts: [value] });
        }),
      );
      const old = { ...shape };
      delete old.chain;
      assert.equal(unwrap(r.parseGenesisJson(JSON.stringify(old))).chain, undefined);
    });
  });
});
