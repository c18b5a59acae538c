/** What callers of zk/ are expected to handle. Cancellation rejects with the signal's reason instead. */
export type ZkErrorCode =
  /** No circuit of that name is set up here. */
  | 'zk/unknown-circuit'
  /** The witness does not satisfy the circuit: no proof of it exists. */
  | 'zk/witness-refused';

/** Why a proof was not believed. A value, not an exception: bad proofs are everyday input. */
export type RefusalReason =
  | 'unknown-circuit'
  /** Not the bytes of a proof of this system, or the wrong number or range of public inputs. */
  | 'malformed'
  /** Well formed, but it proves something else, or nothing. */
  | 'invalid';

export type Verification =
  | { readonly verified: true }
  | { readonly verified: false; readonly reason: RefusalReason; readonly detail: string };

/** What a proof is checked against. The verifier computes the public inputs itself where it can. */
export interface VerifyRequest {
  readonly circuitId: string;
  readonly publicInputs: readonly bigint[];
  readonly proof: Uint8Array;
}

/** Private and public values by signal name; numbers of the circuit's field. */
export type Witness = Readonly<Record<string, bigint | readonly bigint[]>>;

export interface ProveOptions {
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with a fraction that never decreases and ends with 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** Makes proofs, off the main thread. */
export interface Prover {
  /** Rejects with {@link ZkErrorCode}. The answer is ready for a {@link Verifier}. */
  prove(circuitId: string, witness: Witness, options: ProveOptions): Promise<VerifyRequest>;
}

/** Judges proofs. Never throws on what a stranger sent. */
export interface Verifier {
  verify(request: VerifyRequest): Promise<Verification>;
  /** One answer each, in order; cheaper than one by one where the system allows. */
  verifyBatch(requests: readonly VerifyRequest[]): Promise<Verification[]>;
}
