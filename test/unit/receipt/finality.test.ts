import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { concat, toHex } from '../../../base/bytes.ts';
import * as r from '../../../receipt/index.ts';
import { certify, votersOf } from '../../support/final-chain.ts';
import {
  anchoring,
  BLOCK_TIME,
  BY_CHAIN,
  BY_POLICY,
  CHAIN,
  CHECKPOINT,
  laterRoot,
  NO_LATER_THAN,
  ONE,
  RECEIPT,
  TWO,
  VOTERS,
  withFinality,
} from './finality-support.ts';
import { codeOf, NETWORK, ORIGIN, policy, replica } from './support.ts';

const { digest } = RECEIPT.record;
const verdictOf = (receipt: r.Receipt, trust: r.TrustStore) =>
  codeOf(r.verifyReceipt(receipt, digest, trust));
const honest = CHAIN.anchorProof(3, 1);
const proofOf = (change: Partial<r.AnchorProof>) => r.encodeAnchorProof({ ...honest, ...change });
const codeUnder = (root: r.TrustRoot, proof: r.FinalityProof = ONE) =>
  codeOf(r.verifyFinality(proof, CHECKPOINT, root));

describe('finality', () => {
  it('says by when, where and by whom a checkpoint is final (F4, F6)', () => {
    const verdict = r.verifyFinality(ONE, CHECKPOINT, CHAIN.root);
    assert.deepEqual(verdict, {
      ok: true,
      network: NETWORK,
      scheme: 1,
      height: 3,
      time: BLOCK_TIME,
      noLaterThan: NO_LATER_THAN,
      certifiedHeight: 3,
      round: 0,
      signers: VOTERS.map(({ name, key, power }) => ({ name, key: toHex(key), power })),
      validators: 4,
      power: 4n,
      totalPower: 4n,
      keyIds: [replica(0).key.keyId],
    });
  });

  it('names only those who signed (F2)', () => {
    const proof = proofOf({ certificate: CHAIN.certificate(3, [0, 2, 3], 5) });
    const verdict = r.verifyFinality(proof, CHECKPOINT, CHAIN.root);
    assert.ok(verdict.ok && verdict.round === 5 && verdict.power === 3n);
    assert.deepEqual(
      verdict.signers.map(({ name }) => name),
      ['validator-0', 'validator-2', 'validator-3'],
    );
  });

  it('takes the time of the block that holds the anchor, not of the later one (F5, F6)', () => {
    const verdict = r.verifyFinality(TWO, CHECKPOINT, CHAIN.root);
    assert.ok(verdict.ok);
    assert.deepEqual(
      [verdict.height, verdict.certifiedHeight, verdict.noLaterThan],
      [3, 6, NO_LATER_THAN],
    );
  });

  it('counts certificates from the height of the trust root on (F3)', () => {
    for (const height of [0, 1, 3]) assert.equal(codeUnder(laterRoot(height)), 'verified');
    for (const height of [4, 2 ** 53 - 1]) {
      assert.equal(codeUnder(laterRoot(height)), 'receipt/before-trust-root');
    }
    assert.equal(codeUnder(laterRoot(6), TWO), 'verified');
    assert.equal(codeUnder(laterRoot(7), TWO), 'receipt/before-trust-root');
  });

  it('believes the pinned validators only: others, another power, another order (F1, F2)', () => {
    const root = CHAIN.root;
    const others = votersOf([1n, 1n, 1n, 1n], 0x60);
    const heavier = votersOf([2n, 1n, 1n, 1n]);
    for (const validators of [others, heavier, root.validators.slice(1)]) {
      assert.equal(codeUnder({ ...root, validators }), 'receipt/wrong-validators');
    }
    const foreign = r.encodeAnchorProof(anchoring(others).anchorProof(3, 1));
    assert.equal(codeUnder(root, foreign), 'receipt/wrong-validators');
  });

  it('refuses an invalid pinned set instead of counting a validator twice (P1)', () => {
    const [a, b, c] = VOTERS;
    assert.ok(a && b && c);
    const header = r.encodeHeader({ ...CHAIN.header(3), validators: r.validatorsHash([a, a, a]) });
    const certified = { network: NETWORK, height: 3, id: r.blockId(header) };
    const message = r.signedBytes('vote', NETWORK, r.precommitBytes(3, 0, certified.id));
    const signature = ed25519.sign(message, a.seed);
    const signatures = [0, 1, 2].map((index) => ({ index, signature }));
    const certificate = r.encodeCertificate({ round: 0, signatures }, 3);
    for (const validators of [[a, a, a], [b, a, c], [], [{ ...a, power: 0n }]]) {
      const verdict = r.verifyCertificate({ ...certified, validators }, certificate);
      assert.equal(codeOf(verdict), 'receipt/bad-trust');
    }
    const twice = { ...CHAIN.root, validators: [a, a, a] };
    assert.equal(codeUnder(twice, proofOf({ header, certificate })), 'receipt/bad-trust');
  });

  it('wants strictly more than two thirds of the power, whoever has it (P2)', () => {
    for (const [powers, signers, enough] of [
      [[1n, 1n, 1n], [0, 1], false],
      [[1n, 1n, 1n], [0, 1, 2], true],
      [[4n, 1n, 1n], [0], false],
      [[5n, 1n, 1n], [0], true],
      [[2n ** 59n, 2n ** 58n, 2n ** 58n], [0, 1], true],
      [[2n, 2n, 2n, 2n, 2n, 2n], [0, 1, 2, 3], false],
      [[2n, 2n, 2n, 2n, 2n, 2n], [0, 1, 2, 3, 5], true],
    ] as const) {
      const voters = votersOf(powers);
      const id = new Uint8Array(32).fill(9);
      const certificate = certify({ network: NETWORK, voters }, { height: 9, id }, signers);
      const certified = { network: NETWORK, validators: voters, height: 9, id };
      const code = codeOf(r.verifyCertificate(certified, certificate));
      assert.equal(code, enough ? 'verified' : 'receipt/certificate-power');
    }
  });

  it('takes a vote for nothing but its own purpose, network, height, round and block (P4)', () => {
    const certified = { network: NETWORK, validators: VOTERS, height: 3, id: r.blockId(ONE.proof) };
    const certificateOver = (message: Uint8Array) => {
      const signatures = VOTERS.map(({ seed }, index) => ({
        index,
        signature: ed25519.sign(message, seed),
      }));
      return r.encodeCertificate({ round: 0, signatures }, 4);
    };
    const bytes = r.precommitBytes(3, 0, certified.id);
    const codeFor = (message: Uint8Array) =>
      codeOf(r.verifyCertificate(certified, certificateOver(message)));
    assert.equal(codeFor(r.signedBytes('vote', NETWORK, bytes)), 'verified');
    for (const message of [
      r.signedBytes('transaction', NETWORK, bytes),
      r.signedBytes('vote', `${NETWORK.slice(0, -1)}0`, bytes),
      r.signedBytes(`vote${NETWORK}`.slice(0, 4), NETWORK, concat(bytes, Uint8Array.of(0))),
      bytes,
      r.signedBytes('vote', NETWORK, r.precommitBytes(4, 0, certified.id)),
      r.signedBytes('vote', NETWORK, r.precommitBytes(3, 1, certified.id)),
      r.signedBytes('vote', NETWORK, r.precommitBytes(3, 0, new Uint8Array(32))),
    ]) {
      assert.equal(codeFor(message), 'receipt/certificate-signature');
    }
  });

  it('binds a proof to origin, size and root of the receipt’s own checkpoint (F4)', () => {
    for (const change of [
      { size: 6 },
      { root: new Uint8Array(32) },
      { origin: ORIGIN.replace('/0', '/7') },
      { sha256Root: new Uint8Array(32) },
    ]) {
      const verdict = r.verifyFinality(ONE, { ...CHECKPOINT, ...change }, CHAIN.root);
      assert.equal(codeOf(verdict), 'receipt/not-anchored');
    }
    const free = r.verifyFinality(ONE, { ...CHECKPOINT, time: 0, epoch: 9 }, CHAIN.root);
    assert.ok(free.ok, 'time and epoch are the log’s claim and not part of an anchor');
    const abroad = { ...CHECKPOINT, origin: ORIGIN.replace(NETWORK, 'devnet-0000000000000000') };
    assert.equal(codeOf(r.verifyFinality(ONE, abroad, CHAIN.root)), 'receipt/unknown-chain');
  });

  it('lets count and index say nothing: other numbers for one path change no verdict (F11)', () => {
    const expected = r.verifyFinality(ONE, CHECKPOINT, CHAIN.root);
    let accepted = 0;
    for (let count = 1; count < 40; count++) {
      for (let index = 0; index < count; index++) {
        const verdict = r.verifyFinality(proofOf({ count, index }), CHECKPOINT, CHAIN.root);
        if (!verdict.ok) assert.equal(verdict.code, 'receipt/not-anchored');
        else assert.deepEqual(verdict, expected);
        accepted += Number(verdict.ok);
      }
    }
    assert.equal(accepted, 2, 'index 1 of 3, and of 4 leaves where the sibling is a node');
  });
});

describe('a final receipt', () => {
  it('says who signed the checkpoint when a policy is pinned (F8, V6)', () => {
    const verdict = r.verifyReceipt(withFinality(ONE), digest, BY_POLICY);
    assert.ok(verdict.ok && verdict.basis === 'policy' && verdict.level === 'final');
    assert.equal(verdict.final?.noLaterThan, NO_LATER_THAN);
    assert.equal(verdict.claimedTime, CHECKPOINT.time);
    assert.deepEqual(
      verdict.signers.map(({ name }) => name),
      [replica(0).key.name],
    );
  });

  it('rests on the chain alone when none is, and then repeats no claim of the log (F8)', () => {
    const verdict = r.verifyReceipt(withFinality(ONE), digest, BY_CHAIN);
    assert.ok(verdict.ok);
    assert.deepEqual(Object.keys(verdict).sort(), [
      'basis',
      'final',
      'level',
      'offset',
      'ok',
      'origin',
      'scarabId',
      'size',
    ]);
    assert.equal(verdict.basis, 'chain');
    const lines = RECEIPT.checkpoint.replace('time 1790000001000', 'time 1');
    const relabelled = { ...withFinality(ONE), checkpoint: lines };
    assert.deepEqual(r.verifyReceipt(relabelled, digest, BY_CHAIN), verdict);
  });

  it('wants the pinned policy’s threshold when there is one, whatever the chain says (F8)', () => {
    const strict = { ...BY_POLICY, policies: [policy(3, 2)] };
    assert.equal(verdictOf(withFinality(ONE), strict), 'receipt/threshold');
    const forged = { ...BY_POLICY, policies: [{ ...policy(1, 1), keys: [replica(5).key] }] };
    assert.equal(verdictOf(withFinality(ONE), forged), 'receipt/threshold');
  });

  it('is refused where its chain is not pinned, not shown as less than it says (V7)', () => {
    const policies = { policies: [policy(1, 1)] };
    assert.equal(verdictOf(withFinality(ONE), policies), 'receipt/unknown-chain');
    assert.equal(verdictOf(withFinality(ONE), { policies: [] }), 'receipt/unknown-log');
    assert.equal(verdictOf(RECEIPT, BY_CHAIN), 'receipt/unknown-log');
    const elsewhere = { ...CHAIN.root, network: 'devnet-0000000000000000' };
    const abroad = { policies: [policy(1, 1)], chains: [elsewhere] };
    assert.equal(verdictOf(withFinality(ONE), abroad), 'receipt/unknown-chain');
    assert.equal(verdictOf(RECEIPT, BY_POLICY), 'verified', 'at checkpoint, as before');
  });

  it('must hold in every proof; the earliest time counts (V5, V7)', () => {
    const few = proofOf({ certificate: CHAIN.certificate(3, [0, 1]) });
    for (const proofs of [
      [ONE, few],
      [few, ONE],
    ]) {
      assert.equal(verdictOf(withFinality(...proofs), BY_CHAIN), 'receipt/certificate-power');
    }
    const verdict = r.verifyReceipt(withFinality(lateProof(), ONE), digest, BY_CHAIN);
    assert.ok(verdict.ok && verdict.final?.noLaterThan === NO_LATER_THAN);
  });

  it('takes a record of another log or a data file of another receipt for neither', () => {
    const stranger = { ...withFinality(ONE), origin: ORIGIN.replace('/0', '/7') };
    assert.equal(verdictOf(stranger, BY_CHAIN), 'receipt/wrong-origin');
    const other = new Uint8Array(32).fill(0x77);
    assert.equal(codeOf(r.verifyReceipt(withFinality(ONE), other, BY_CHAIN)), 'receipt/wrong-data');
  });
});

/** The same anchor, made final again in a block ten minutes later. */
function lateProof(): r.FinalityProof {
  const late = { height: 900, time: BLOCK_TIME + 600_000 };
  const header = r.encodeHeader({ ...CHAIN.header(3), ...late });
  const certificate = certify(CHAIN, { height: 900, id: r.blockId(header) });
  return proofOf({ header, certificate });
}
