import { strict as assert } from 'node:assert';
import type { Prover, Verifier, VerifyRequest, Witness } from '../../zk/index.ts';

/** A proof system with one circuit, and two different true statements of it. */
export interface ProofSystem {
  readonly prover: Prover;
  readonly verifier: Verifier;
  readonly circuitId: string;
  readonly witness: Witness;
  readonly otherWitness: Witness;
  /** The first witness with one signal changed, so that it satisfies nothing. */
  readonly badWitness: Witness;
}

/** What every {@link Prover} and {@link Verifier} keep. */
export function describeProofSystem(name: string, make: () => Promise<ProofSystem>): void {
  describe(`Prover and Verifier: ${name}`, () => {
    let system: ProofSystem;
    let proved: VerifyRequest;
    before(async () => {
      system = await make();
      proved = await system.prover.prove(system.circuitId, system.witness, {});
    });

    async function reason(change: Partial<VerifyRequest>): Promise<string> {
      const answer = await system.verifier.verify({ ...proved, ...change });
      return answer.verified ? 'verified' : answer.reason;
    }

    it('proves what is true, and the verifier believes it', async () => {
      assert.deepEqual(await system.verifier.verify(proved), { verified: true });
    });

    it('refuses a witness that satisfies nothing, and an unknown circuit', async () => {
      await assert.rejects(system.prover.prove(system.circuitId, system.badWitness, {}), {
        code: 'zk/witness-refused',
      });
      await assert.rejects(system.prover.prove('no-such-circuit', system.witness, {}), {
        code: 'zk/unknown-circuit',
      });
      assert.equal(await reason({ circuitId: 'no-such-circuit' }), 'unknown-circuit');
    });

    it('does not believe a changed proof or changed public inputs', async () => {
      for (let i = 0; i < proved.proof.length; i++) {
        const proof = Uint8Array.from(proved.proof);
        proof[i] = (proof[i] ?? 0) ^ 1;
        assert.notEqual(await reason({ proof }), 'verified', `byte ${i} of the proof`);
      }
      for (let i = 0; i < proved.publicInputs.length; i++) {
        const publicInputs = proved.publicInputs.map((v, j) => (i === j ? v ^ 1n : v));
        assert.equal(await reason({ publicInputs }), 'invalid', `public input ${i}`);
      }
    });

    it('calls truncated, padded and out-of-range input malformed', async () => {
      const { publicInputs, proof } = proved;
      assert.equal(await reason({ proof: proof.slice(1) }), 'malformed');
      assert.equal(await reason({ proof: new Uint8Array() }), 'malformed');
      assert.equal(await reason({ publicInputs: publicInputs.slice(1) }), 'malformed');
      assert.equal(await reason({ publicInputs: [...publicInputs, 0n] }), 'malformed');
      assert.equal(await reason({ publicInputs: publicInputs.map(() => -1n) }), 'malformed');
      assert.equal(await reason({ publicInputs: publicInputs.map(() => 2n ** 600n) }), 'malformed');
    });

    it('judges a batch one by one, in order', async () => {
      const other = await system.prover.prove(system.circuitId, system.otherWitness, {});
      const swapped = { ...proved, proof: other.proof };
      const answers = await system.verifier.verifyBatch([proved, swapped, other]);
      assert.deepEqual(
        answers.map((a) => a.verified),
        [true, false, true],
      );
      assert.deepEqual(await system.verifier.verifyBatch([]), []);
    });

    it('reports progress that grows to one', async () => {
      const seen: number[] = [];
      await system.prover.prove(system.circuitId, system.witness, {
        onProgress: (fraction) => seen.push(fraction),
      });
      assert.deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
      );
      assert.equal(seen.at(-1), 1);
    });

    it('stops on its signal, before and in the middle', async () => {
      const controller = new AbortController();
      const enough = new Error('enough');
      const proving = system.prover.prove(system.circuitId, system.witness, {
        signal: controller.signal,
        onProgress: () => controller.abort(enough),
      });
      await assert.rejects(proving, enough);
      await assert.rejects(
        system.prover.prove(system.circuitId, system.witness, {
          signal: AbortSignal.abort(enough),
        }),
        enough,
      );
    });
  });
}
