/**
 * Zero-knowledge proofs behind two interfaces, whatever the proof system.
 *
 * ```ts
 * const request = await prover.prove('membership-20', witness, { signal, onProgress });
 * const answer = await verifier.verify(request);
 * if (!answer.verified) refuse(answer.reason, answer.detail);
 * ```
 *
 * No proof system ships yet. Every one that does joins the suite in `test/contract/proof-system.ts`, which today runs
 * against a transparent stand-in that hides nothing (`test/support/transparent-proofs.ts`).
 */
export type {
  ProveOptions,
  Prover,
  RefusalReason,
  Verification,
  Verifier,
  VerifyRequest,
  Witness,
  ZkErrorCode,
} from './types.ts';
