import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { PyralogError } from '../../../base/errors.ts';
import {
  type ClusterFile,
  clusterPolicy,
  MEMBERS_MAX,
  ownMember,
  parseClusterFile,
  readClusterFile,
} from '../../../node/cluster-file.ts';
import { createKey, formatClusterFile } from '../../../node/index.ts';
import { replicaKeyName, verificationKey } from '../../../receipt/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

const NETWORK = 'devnet-00112233aabbccdd';
const CLUSTER = 'org-0';

const keys = new Map<string, Uint8Array>();

/** Kind 1 is that of the tunnel, 2 cosigns. */
function keyOf(number: number, kind: 1 | 2): Uint8Array {
  const known = keys.get(`${number} ${kind}`);
  if (known !== undefined) return known;
  const seed = new Uint8Array(32).fill(kind);
  seed[2] = number & 0xff; // bits of the first byte are not X25519’s to use
  seed[3] = number >> 8;
  const { publicKey } = createKey(kind === 1 ? 'tunnel' : 'cosigning', 'key', seed);
  keys.set(`${number} ${kind}`, publicKey);
  return publicKey;
}

const memberOf = (number: number, name = `node-${number}`) => ({
  number,
  name,
  address: `127.0.0.1:${7_000 + number}`,
  // It may be left out.
  ...(number % 2 === 0 ? {} : { rpc: `http://127.0.0.1:${8_000 + number}` }),
  tunnel: keyOf(number, 1),
  cosigner: verificationKey(
    replicaKeyName(NETWORK, CLUSTER, name),
    'cosignature',
    keyOf(number, 2),
  ),
});

const file = (over: Partial<ClusterFile> = {}): ClusterFile => ({
  id: new Uint8Array(32).fill(9),
  networkId: NETWORK,
  cluster: CLUSTER,
  cosigners: 2,
  faults: 0,
  founders: [],
  members: [1, 2, 3].map((number) => memberOf(number)),
  ...over,
});

function refusal(text: string): string {
  try {
    parseClusterFile(text, 'members.json');
  } catch (error) {
    assert.ok(error instanceof PyralogError, String(error));
    assert.equal(error.code, 'node/bad-config');
    assert.match(error.message, /^members\.json/);
    return error.message;
  }
  return assert.fail('it was taken');
}

/** The file with something else at a path, such as `members.1.name`; `undefined` takes it away. */
function changed(path: string, value: unknown): string {
  const document = JSON.parse(formatClusterFile(file()));
  const fields = path.split('.');
  const last = fields.pop() ?? '';
  const place = fields.reduce((at, field) => at[field], document);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return JSON.stringify(document);
}

describe('members file', () => {
  const dir = tempDir();

  it('comes back as it was written (CG1)', () => {
    const members = fc.uniqueArray(fc.integer({ min: 1, max: 1_023 }), {
      minLength: 1,
      maxLength: MEMBERS_MAX,
    });
    fc.assert(
      fc.property(
        members,
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(),
        (numbers, id, f) => {
          const n = numbers.length;
          const faults = f % n;
          const cosigners = Math.floor((n + faults) / 2) + 1;
          const sorted = numbers.sort((a, b) => a - b).map((number) => memberOf(number));
          const given = file({ id, cosigners, faults, members: sorted });
          assert.deepEqual(parseClusterFile(formatClusterFile(given), 'members.json'), given);
        },
      ),
    );
  });

  for (const [path, value, reason] of [
    ['pyralog', 'trust', /is not a members file/],
    ['version', 2, /has version 2; this pyralog knows 1/],
    ['more', 1, /there is no field more/],
    ['id', 'ab', /id is not 32 bytes/],
    ['id', 7, /id is not a text/],
    ['cluster', 'No Name', /is no name \(I1\)/],
    ['network', '', /network is not a text/],
    ['cosigners', 1.5, /cosigners is not a whole number from 1 on/],
    ['cosigners', 0, /cosigners is not a whole number from 1 on/],
    ['cosigners', 1, /1 of 3 signatures with 0 faults: 2k > n \+ f/],
    ['cosigners', 4, /4 of 3 signatures/],
    ['faults', 1, /2 of 3 signatures with 1 faults/],
    ['faults', -1, /faults is not a whole number from 0 on/],
    ['members', [], /members: give 1 to 64/],
    ['members', {}, /members: give 1 to 64/],
    ['members.1', null, /member 2: is not an object/],
    ['members.1.more', 1, /member 2: there is no field more/],
    ['members.1.number', 1_024, /member 2: number: 1 to 1023/],
    ['members.1.number', 0, /member 2: number is not a whole number from 1 on/],
    ['members.1.number', 1, /two members have the number 1/],
    ['members.1.number', 4, /stand in the order of their numbers/],
    ['members.1.address', '127.0.0.1', /is not host:port/],
    ['members.1.rpc', 'ftp://127.0.0.1', /rpc "ftp:.*" is no http, https, ws or wss address/],
    ['members.1.rpc', 7, /rpc is not a text/],
    ['members.1.rpc', 'http://127.0.0.1:8001', /two members have the rpc address/],
    ['members.1.address', '127.0.0.1:7001', /two members have the address/],
    ['members.1.tunnel', 'zz', /member 2: tunnel is not 32 bytes/],
    ['members.1.tunnel', '01', /member 2: tunnel is not 32 bytes/],
    ['members.1.cosigner', 'x', /member 2: cosigner: /],
    ['members.1.name', 'node-9', /cosigner is the key of .*node-2, not of .*node-9/],
  ] as const) {
    it(`refuses ${path} ${JSON.stringify(value)} (CG1 to CG3)`, () => {
      assert.match(refusal(changed(path, value)), reason);
    });
  }

  for (const path of [
    ...['pyralog', 'version', 'id', 'network', 'cluster', 'cosigners', 'faults', 'members'],
    ...['number', 'name', 'address', 'tunnel', 'cosigner'].map((field) => `members.1.${field}`),
  ]) {
    it(`asks for ${path}`, () => {
      const field = path.split('.').at(-1);
      assert.match(refusal(changed(path, undefined)), new RegExp(`: ${field} is missing`));
    });
  }

  it('refuses a key that two members have (CG2)', () => {
    const [first, second, third] = file().members;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const tunnel = { ...second, tunnel: first.tunnel };
    assert.match(
      refusal(formatClusterFile(file({ members: [first, tunnel, third] }))),
      /two members have the tunnel key/,
    );
    const cosigner = { ...second.cosigner, publicKey: first.cosigner.publicKey };
    const same = verificationKey(cosigner.name, 'cosignature', cosigner.publicKey);
    assert.match(
      refusal(formatClusterFile(file({ members: [first, { ...second, cosigner: same }, third] }))),
      /two members have the cosigner/,
    );
  });

  it('refuses a key that signs logs instead of cosigning (CG2)', () => {
    const [first, second, third] = file().members;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const log = verificationKey(second.cosigner.name, 'log', second.cosigner.publicKey);
    assert.match(
      refusal(formatClusterFile(file({ members: [first, { ...second, cosigner: log }, third] }))),
      /cosigner is the key of/,
    );
  });

  it('refuses more members than make sense', () => {
    const members = Array.from({ length: MEMBERS_MAX + 1 }, (_, i) => memberOf(i + 1));
    assert.match(
      refusal(formatClusterFile(file({ members, cosigners: 60 }))),
      /members: give 1 to 64/,
    );
  });

  it('refuses a network that is no network id (I1)', () => {
    assert.match(refusal(formatClusterFile(file()).replace('"devnet-', '" evnet-')), /evnet/);
  });

  it('takes any text for a file or refuses it, and never fails otherwise', () => {
    const text = formatClusterFile(file());
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), cut(text), flipped(text)), (garbage) => {
        if (garbage.trim() === text.trim()) return;
        try {
          parseClusterFile(garbage, 'members.json');
        } catch (error) {
          assert.ok(error instanceof PyralogError && error.code === 'node/bad-config');
        }
      }),
    );
  });

  it('names a file that cannot be read or is too long', () => {
    const path = join(dir(), 'members.json');
    assert.throws(() => readClusterFile(path), /members\.json: cannot be read \(ENOENT\)/);
    writeFileSync(path, ' '.repeat(65_537));
    assert.throws(() => readClusterFile(path), /has 65537 bytes; at most 65536/);
    writeFileSync(path, formatClusterFile(file()));
    assert.deepEqual(readClusterFile(path), file());
  });

  it('pins k of the keys with f faults (CG3)', () => {
    const { scope, keys, threshold, faults } = clusterPolicy(file({ cosigners: 3, faults: 1 }));
    assert.equal(scope, `pyralog/${NETWORK}/${CLUSTER}`);
    assert.deepEqual([keys.length, threshold, faults], [3, 3, 1]);
  });

  it('finds this node, and says what differs (CG4)', () => {
    const own = {
      networkId: NETWORK,
      cluster: CLUSTER,
      node: 'node-2',
      tunnel: keyOf(2, 1),
      cosigning: keyOf(2, 2),
    };
    assert.equal(ownMember(file(), 'f', own).number, 2);
    for (const [over, reason] of [
      [{ networkId: 'devnet-0000000000000000' }, /is of cluster org-0 on .* and this node of/],
      [{ cluster: 'org-1' }, /and this node of org-1/],
      [{ node: 'node-7' }, /has no member node-7/],
      [{ tunnel: keyOf(3, 1) }, /has another tunnel key for node-2/],
      [{ cosigning: keyOf(3, 2) }, /has another cosigning key for node-2/],
    ] as const) {
      assert.throws(() => ownMember(file(), 'f', { ...own, ...over }), reason);
    }
  });
});

const cut = (text: string) => fc.nat({ max: text.length }).map((length) => text.slice(0, length));

const flipped = (text: string) =>
  fc
    .tuple(fc.nat({ max: text.length - 1 }), fc.string({ minLength: 1, maxLength: 1 }))
    .map(([at, letter]) => text.slice(0, at) + letter + text.slice(at + 1));
