import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../base/bytes.ts';
import {
  type BftCore,
  type BftEffect,
  type BftErrorCode,
  type BftInput,
  type BftStep,
  type BftValidator,
  bftMessageInfo,
  bftOrder,
  bftProposer,
  encodeCommit,
  openBft,
  verifyCommit,
} from '../../../native/index.ts';
import { signedBytes } from '../../../receipt/index.ts';
import { posText, type posVectors } from '../../vectors/pos.ts';
import { vectors } from '../receipt/support.ts';

const NETWORK = 'devnet-00112233aabbccdd';
const POWERS = [7n, 5n, 4n, 2n];
const file: ReturnType<typeof posVectors> = JSON.parse(vectors('pos.json'));

const bytes = (hex: string) => fromHex(hex) ?? assert.fail(`not hex: ${hex}`);
const seed = (node: number) => new Uint8Array(32).fill(node + 1);
const keyOf = (node: number) => ed25519.getPublicKey(seed(node));
const VALIDATORS: readonly BftValidator[] = POWERS.map((power, i) => ({ key: keyOf(i), power }));
const members = (list: readonly { key: string; power: string }[]) =>
  list.map(({ key, power }) => ({ key: bytes(key), power: BigInt(power) }));

const sign = (node: number, content: Uint8Array) =>
  ed25519.sign(signedBytes('vote', NETWORK, content), seed(node));

const code = (expected: BftErrorCode) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;

function kinds(step: BftStep): string[] {
  return step.effects.map(({ kind }) => kind);
}

/** Four hosts in one loop: every message arrives, in order; no timer ever runs out. */
class Loop {
  readonly cores: BftCore[];
  readonly finalized: Extract<BftEffect, { kind: 'finalize' }>[][];
  readonly log: Uint8Array[] = [];
  readonly transcript: unknown[] = [];
  #mail: { to: number; bytes: Uint8Array }[] = [];
  readonly #until: number;

  constructor(until: number) {
    this.#until = until;
    this.finalized = POWERS.map(() => []);
    this.cores = POWERS.map((_, node) =>
      openBft({ network: NETWORK, validators: VALIDATORS, height: 1, self: keyOf(node) }),
    );
  }

  run(): void {
    for (let node = 0; node < POWERS.length; node += 1) this.#start(node, 1);
    for (let letter = this.#mail.shift(); letter !== undefined; letter = this.#mail.shift()) {
      this.#deliver(letter.to, letter.bytes);
    }
  }

  close(): void {
    for (const core of this.cores) core.close();
  }

  #start(node: number, height: number): void {
    this.#input(node, { kind: 'start-height', height, validators: VALIDATORS });
  }

  #deliver(node: number, message: Uint8Array): void {
    this.#input(node, { kind: 'message', bytes: message });
    const info = bftMessageInfo(message);
    if (info?.kind !== 'proposal') return;
    const { height, round, id, validator } = info;
    assert.ok(id !== undefined && validator !== undefined);
    const judged = { height, round, validRound: -1, proposer: validator, id, valid: true };
    this.#input(node, { kind: 'value', ...judged });
  }

  #input(node: number, input: BftInput): void {
    const core = this.cores[node] ?? assert.fail('there is no such node');
    const later: BftInput[] = [];
    let step = core.step(input);
    for (;;) {
      for (const effect of step.effects) this.#perform(node, effect, later);
      if (step.sign === undefined) break;
      assert.throws(() => core.step(input), code('bft/suspended'));
      step = core.resume(sign(node, step.sign.bytes));
    }
    for (const next of later) this.#input(node, next);
  }

  #perform(node: number, effect: BftEffect, later: BftInput[]): void {
    this.transcript.push([node, effect]);
    if (effect.kind === 'publish') {
      const others = POWERS.map((_, to) => to).filter((to) => to !== node);
      this.#mail.push(...others.map((to) => ({ to, bytes: effect.bytes })));
    } else if (effect.kind === 'wal' && node === 0 && effect.height === 1) {
      this.log.push(effect.entry);
    } else if (effect.kind === 'get-value') {
      const { height, round } = effect;
      later.push({ kind: 'propose', height, round, id: new Uint8Array(32).fill(height) });
    } else if (effect.kind === 'finalize') {
      this.finalized[node]?.push(effect);
      if (effect.height < this.#until) {
        const height = effect.height + 1;
        later.push({ kind: 'start-height', height, validators: VALIDATORS });
      }
    } else {
      assert.notEqual(effect.kind, 'trouble');
    }
  }
}

describe('bft vectors', () => {
  const validators = members(file.validators);

  it('are what the generator makes', () => assert.equal(vectors('pos.json'), posText()));

  it('order and turns (P1, P3)', () => {
    const order = bftOrder(validators);
    assert.deepEqual(
      order.map(({ key }) => toHex(key)),
      file.order,
    );
    for (const { list, schedule } of [
      { list: validators, schedule: file.schedule },
      { list: members(file.large.validators), schedule: file.large.schedule },
    ]) {
      const places = bftOrder(list).map(({ key }) => toHex(key));
      for (const { height, round, proposer } of schedule) {
        assert.equal(places.indexOf(toHex(bftProposer(list, height, round))), proposer);
      }
    }
  });

  it('messages say what they are (P5)', () => {
    for (const { kind, message, validator } of file.signed) {
      const info = bftMessageInfo(bytes(message)) ?? assert.fail('a message');
      assert.equal(info.kind, kind);
      assert.equal(toHex(info.validator ?? new Uint8Array()), validator);
    }
    for (const { kind, message } of file.certificates) {
      const { id: _, ...info } = bftMessageInfo(bytes(message)) ?? assert.fail('a certificate');
      assert.deepEqual(info, { kind, height: 7, round: 2 });
    }
    for (const hex of file.malformed) assert.equal(bftMessageInfo(bytes(hex)), undefined, hex);
  });

  it('commit certificates prove, or say why not (P6)', () => {
    for (const { height, id, certificate, round, power } of file.commits) {
      const commit = { network: file.network, validators, height, id: bytes(id) };
      const verdict = verifyCommit({ ...commit, certificate: bytes(certificate) });
      assert.deepEqual(verdict, { ok: true, round, power: BigInt(power) });
    }
    for (const { network, height, id, certificate, reason, why } of file.refused) {
      const commit = {
        network,
        validators,
        height,
        id: bytes(id),
        certificate: bytes(certificate),
      };
      assert.deepEqual(verifyCommit(commit), { ok: false, reason }, why);
    }
  });
});

describe('bft core', () => {
  let loop: Loop;

  before(() => {
    loop = new Loop(10);
    loop.run();
  });
  after(() => loop.close());

  it('lets four nodes agree, with certificates that prove it (P6)', () => {
    for (const list of loop.finalized) {
      assert.deepEqual(
        list.map(({ height }) => height),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      );
      for (const { height, id, certificate, evidence } of list) {
        assert.deepEqual(new Uint8Array(id), new Uint8Array(32).fill(height));
        assert.deepEqual(evidence, []);
        const commit = { network: NETWORK, validators: VALIDATORS, height, id, certificate };
        const verdict = verifyCommit(commit);
        assert.ok(verdict.ok && verdict.power * 3n > 36n);
      }
    }
  });

  it('gives the same effects for the same inputs (P9)', () => {
    const again = new Loop(10);
    again.run();
    again.close();
    assert.deepEqual(again.transcript, loop.transcript);
  });

  it('replays its log without a signature and decides again (P12)', () => {
    const core = openBft({ network: NETWORK, validators: VALIDATORS, height: 1, self: keyOf(0) });
    const step = core.replay({ height: 1, validators: VALIDATORS }, loop.log);
    assert.equal(step.sign, undefined);
    assert.ok(kinds(step).includes('decide'));
    assert.ok(!kinds(step).includes('wal'));
    assert.equal(core.height, 1);
    const torn = loop.log.map((entry, i) => (i === 1 ? entry.subarray(1) : entry));
    assert.throws(
      () => core.replay({ height: 1, validators: VALIDATORS }, torn),
      code('bft/wal-corrupt'),
    );
    core.close();
  });

  it('stops at a signature, takes only its own, and goes on without (P11)', () => {
    const validators = VALIDATORS.slice(0, 1);
    const core = openBft({ network: NETWORK, validators, height: 1, self: keyOf(0) });
    assert.equal(core.round, -1);
    assert.throws(() => core.resume(undefined), code('bft/not-suspended'));
    const begun = core.step({ kind: 'start-height', height: 1, validators });
    assert.deepEqual(kinds(begun).slice(0, 3), [
      'cancel-all-timeouts',
      'cancel-all-timeouts',
      'start-round',
    ]);
    assert.ok(kinds(begun).includes('get-value'));
    const id = new Uint8Array(32).fill(9);
    const asked = core.step({ kind: 'propose', height: 1, round: 0, id }).sign?.bytes;
    assert.ok(asked !== undefined);
    assert.equal(toHex(asked), `85020100f65820${'09'.repeat(32)}`);
    assert.equal(core.suspended, true);
    assert.throws(() => core.resume(sign(1, asked)), code('bft/signature'));
    assert.throws(() => core.resume(new Uint8Array(63)), code('bft/argument'));
    assert.deepEqual(core.resume(undefined), { effects: [] });
    assert.equal(core.suspended, false);
    core.close();
    core.close();
    assert.throws(() => core.step({ kind: 'message', bytes: id }), code('bft/closed'));
  });

  it('observes without a key', () => {
    const core = openBft({ network: NETWORK, validators: VALIDATORS, height: 1 });
    const { effects } = core.step({ kind: 'start-height', height: 1, validators: VALIDATORS });
    const round = effects.find(({ kind }) => kind === 'start-round');
    assert.equal(round?.kind === 'start-round' && round.role, 'observer');
    core.close();
  });

  it('refuses what is no set, no height, no id', () => {
    const open = (list: readonly BftValidator[], height = 1) =>
      openBft({ network: NETWORK, validators: list, height }).close();
    const [first, second] = VALIDATORS;
    assert.ok(first !== undefined && second !== undefined);
    const bad: (readonly BftValidator[])[] = [
      [],
      [first, first],
      [{ ...first, power: 0n }],
      [{ ...first, power: -1n }],
      [{ ...first, power: 2n ** 60n }, second],
      [{ key: new Uint8Array(32), power: 1n }],
    ];
    for (const list of bad) assert.throws(() => open(list), code('bft/validators'));
    assert.throws(() => open([{ key: new Uint8Array(31), power: 1n }]), code('bft/argument'));
    for (const height of [0, -1, 1.5, 2 ** 53, Number.NaN]) {
      assert.throws(() => open(VALIDATORS, height), code('bft/argument'));
    }
    assert.throws(() => bftProposer(VALIDATORS, 1, 2 ** 32), code('bft/argument'));
    const twice = [0, 0].map((node) => ({ validator: keyOf(node), signature: new Uint8Array(64) }));
    assert.throws(() => encodeCommit(VALIDATORS, 0, twice), code('bft/argument'));
  });

  it('answers every byte string of a peer with a value (P5)', () => {
    const core = openBft({ network: NETWORK, validators: VALIDATORS, height: 1, self: keyOf(0) });
    core.step({ kind: 'start-height', height: 1, validators: VALIDATORS });
    const real = [...file.signed, ...file.certificates].map(({ message }) => bytes(message));
    const torn = fc
      .tuple(fc.constantFrom(...real), fc.nat(), fc.nat(255))
      .map(([message, at, byte]) => {
        const copy = Uint8Array.from(message);
        copy[at % copy.length] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), torn), (message) => {
        const step = core.step({ kind: 'message', bytes: message });
        assert.deepEqual(kinds(step), ['refused']);
        assert.equal(step.sign, undefined);
      }),
      { numRuns: 2_000 },
    );
    core.close();
  });
});
