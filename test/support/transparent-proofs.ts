import { createHash } from 'node:crypto';
import { PyralogError } from '../../base/errors.ts';
import type { Prover, Verification, Verifier, VerifyRequest, ZkErrorCode } from '../../zk/index.ts';

const CIRCUIT = 'hash-chain-preimage';
const STEPS = 1_000;
const STEPS_A_TURN = 100;
const FIELD = 2n ** 128n;

/**
 * "I know x whose hash, taken a thousand times, is y": proved by showing x.
 *
 * Transparent means that it hides nothing at all. It stands in for a proof system so that the contract suite and
 * callers can be tested; it must never ship. The public inputs are the two 128-bit halves of y.
 */
export function createTransparentProofs(): { prover: Prover; verifier: Verifier } {
  return {
    prover: {
      async prove(circuitId, witness, options): Promise<VerifyRequest> {
        options.signal?.throwIfAborted();
        if (circuitId !== CIRCUIT) throw unknownCircuit(circuitId);
        const { x, y } = witness;
        if (typeof x !== 'bigint' || x < 0n || x >= FIELD || !Array.isArray(y)) {
          throw refused('x is one number below 2^128 and y two');
        }
        const proof = toBytes(x);
        let state: Uint8Array = proof;
        for (let done = STEPS_A_TURN; done <= STEPS; done += STEPS_A_TURN) {
          state = chain(state, STEPS_A_TURN);
          options.onProgress?.(done / STEPS);
          await new Promise<void>((resolve) => setImmediate(resolve));
          options.signal?.throwIfAborted();
        }
        const publicInputs = halves(state);
        if (y.length !== 2 || y.some((v, i) => v !== publicInputs[i])) {
          throw refused('y is not what x hashes to');
        }
        return { circuitId, publicInputs, proof };
      },
    },
    verifier: {
      verify: async (request) => verify(request),
      verifyBatch: async (requests) => requests.map(verify),
    },
  };
}

/** A statement that is true, for the suite: y of x. */
export function chainEnd(x: bigint): bigint[] {
  return halves(chain(toBytes(x), STEPS));
}

function verify({ circuitId, publicInputs, proof }: VerifyRequest): Verification {
  if (circuitId !== CIRCUIT) return no('unknown-circuit', `no circuit "${circuitId}"`);
  if (publicInputs.length !== 2) {
    return no('malformed', `2 public inputs are needed, got ${publicInputs.length}`);
  }
  if (publicInputs.some((v) => v < 0n || v >= FIELD)) {
    return no('malformed', 'a public input is outside of the field');
  }
  if (proof.length !== 16) return no('malformed', `a proof has 16 bytes, got ${proof.length}`);
  const end = halves(chain(proof, STEPS));
  if (end.some((v, i) => v !== publicInputs[i])) return no('invalid', 'the chain ends elsewhere');
  return { verified: true };
}

function no(reason: 'unknown-circuit' | 'malformed' | 'invalid', detail: string): Verification {
  return { verified: false, reason, detail };
}

function chain(start: Uint8Array, steps: number): Uint8Array {
  let state = start;
  for (let i = 0; i < steps; i++) state = createHash('sha256').update(state).digest();
  return state;
}

function toBytes(x: bigint): Uint8Array {
  return Buffer.from(x.toString(16).padStart(32, '0'), 'hex');
}

function halves(bytes: Uint8Array): bigint[] {
  const hex = Buffer.from(bytes).toString('hex');
  return [BigInt(`0x${hex.slice(0, 32)}`), BigInt(`0x${hex.slice(32)}`)];
}

function unknownCircuit(circuitId: string): PyralogError<ZkErrorCode> {
  return new PyralogError('zk/unknown-circuit', `no circuit "${circuitId}" is set up here`, {
    data: { circuitId },
  });
}

function refused(why: string): PyralogError<ZkErrorCode> {
  return new PyralogError('zk/witness-refused', `the witness does not satisfy ${CIRCUIT}: ${why}`);
}
