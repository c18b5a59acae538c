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
});
