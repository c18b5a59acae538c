import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { concat, fromHex } from '../../../base/bytes.ts';
import { verifyCommit } from '../../../native/index.ts';
import * as r from '../../../receipt/index.ts';
import { certify, votersOf } from '../../support/final-chain.ts';
import { codeOf } from './support.ts';

/** What the core calls the refusals of P6. */
const REASONS: Readonly<Record<string, string>> = {
  malformed: 'receipt/bad-certificate',
  power: 'receipt/certificate-power',
  signature: 'receipt/certificate-signature',
};

const NETWORK = 'devnet-00112233aabbccdd';

function bothSay(certified: r.Certified, certificate: Uint8Array): string {
  const own = r.verifyCertificate(certified, certificate);
  const { network, height, id } = certified;
  const validators = certified.validators.map(({ key, power }) => ({ key, power, name: 'v' }));
  const core = verifyCommit({ network, validators, height, id, certificate });
  const said = core.ok ? 'verified' : REASONS[core.reason];
  assert.equal(codeOf(own), said);
  if (own.ok && core.ok) {
    assert.deepEqual([own.value.round, own.value.power], [core.round, core.power]);
  }
  return codeOf(own);
}

describe('certificates, by receipt/ and by the native core', () => {
  it('are accepted and refused alike on the vectors (P6)', () => {
    const url = new URL('../../vectors/finality.json', import.meta.url);
    const { certificates } = JSON.parse(readFileSync(url, 'utf8'));
    const bytes = (hex: string) => fromHex(hex) ?? assert.fail(hex);
    for (const { why, network, height, id, validators, bytes: hex, code } of certificates) {
      const set = validators.map(({ key, power }: { key: string; power: string }) => ({
        key: bytes(key),
        power: BigInt(power),
      }));
      const certified = { network, validators: set, height: Number(height), id: bytes(id) };
      assert.equal(bothSay(certified, bytes(hex)), code === 'ok' ? 'verified' : code, why);
    }
  });

  it('are what the core makes and refuses (P6)', () => {
    const url = new URL('../../vectors/pos.json', import.meta.url);
    const { network, validators, commits, refused } = JSON.parse(readFileSync(url, 'utf8'));
    const bytes = (hex: string) => fromHex(hex) ?? assert.fail(hex);
    const set = validators
      .map(({ key, power }: { key: string; power: string }) => ({
        key: bytes(key),
        power: BigInt(power),
      }))
      .sort(r.compareValidators);
    const codeFor = (row: { network: string; height: number; id: string; certificate: string }) => {
      const { height, id } = row;
      const certified = { network: row.network, validators: set, height, id: bytes(id) };
      return bothSay(certified, bytes(row.certificate));
    };
    for (const row of commits) assert.equal(codeFor({ ...row, network }), 'verified');
    for (const row of refused) assert.equal(codeFor(row), REASONS[row.reason], row.why);
  });

  it('are accepted and refused alike whatever was done to them (P2, P6)', () => {
    const voters = votersOf([9n, 5n, 3n, 2n, 2n, 1n, 1n, 1n, 1n, 1n]);
    const id = new Uint8Array(32).fill(3);
    const certified = { network: NETWORK, validators: voters, height: 7, id };
    const some = fc
      .uniqueArray(fc.nat(9), { minLength: 1 })
      .map((list) => list.sort((a, b) => a - b));
    const edit = fc.tuple(fc.nat(), fc.nat(2), fc.uint8Array({ maxLength: 2 }));
    const seen = new Set<string>();
    fc.assert(
      fc.property(some, fc.nat(3), fc.option(edit), (signers, round, change) => {
        const good = certify({ network: NETWORK, voters }, { height: 7, id }, signers, round);
        const [at = 0, cut = 0, extra = new Uint8Array(0)] = change ?? [];
        const from = at % good.length;
        const bytes = concat(good.slice(0, from), extra, good.slice(from + cut));
        seen.add(bothSay(certified, change === null ? good : bytes));
      }),
      { numRuns: 150 },
    );
    assert.equal(seen.size, 4, [...seen].join());
  });

  it('hold Ed25519 to the same edges (C5)', () => {
    const [voter] = votersOf([1n]);
    assert.ok(voter);
    const id = new Uint8Array(32);
    const certified = { network: NETWORK, validators: [voter], height: 1, id };
    const message = r.signedBytes('vote', NETWORK, r.precommitBytes(1, 0, id));
    const good = ed25519.sign(message, voter.seed);
    const small = `01${'00'.repeat(31)}`;
    const point = (hex: string) => concat(fromHex(hex) ?? assert.fail(hex), good.slice(32));
    const verdicts = [
      good,
      point(small),
      point(`ee${'ff'.repeat(30)}7f`),
      concat(good.slice(0, 32), new Uint8Array(32)),
      good.with(63, (good[63] ?? 0) | 0xe0),
    ].map((signature) =>
      bothSay(
        certified,
        r.encodeCertificate({ round: 0, signatures: [{ index: 0, signature }] }, 1),
      ),
    );
    assert.deepEqual(verdicts, ['verified', ...Array(4).fill('receipt/certificate-signature')]);
  });
});
